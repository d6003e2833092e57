import numpy as np
import pytest

from edge.backends import open_model
from edge.backends.base import Model
from edge.bench import measure as module
from edge.bench.measure import Timing, measure, random_inputs, summarize
from edge.errors import InputError
from edge.tensors import TensorSpec
from tests.backends import models


def test_summarize():
    got = summarize([ms * 1_000_000 for ms in range(1, 102)])  # 1 to 101 ms: percentile p lies at 1 + p
    assert got == Timing(101, pytest.approx(51), pytest.approx(91), pytest.approx(100), 1.0, pytest.approx(51))


def test_summarize_one_run():
    assert summarize([2_500_000]) == Timing(1, 2.5, 2.5, 2.5, 2.5, 2.5)


def test_timing_as_json_rounds_to_tenths_of_microseconds():
    assert Timing(3, 1.23456789, 2, 3, 1, 2).as_json()["median_ms"] == 1.2346


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        pytest.param("float32", -1, 1, id="floats"),
        pytest.param("float16", -1, 1, id="half floats"),
        pytest.param("uint8", 0, 255, id="the whole of uint8"),
        pytest.param("int8", -128, 127, id="the whole of int8"),
        pytest.param("int16", -32768, 32767, id="the whole of int16"),
        pytest.param("int32", 0, 0, id="indices stay zero"),
        pytest.param("int64", 0, 0, id="indices stay zero, 64 bit"),
        pytest.param("bool", 0, 0, id="truth values"),
    ],
)
def test_random_inputs(dtype, low, high):
    spec = TensorSpec("x", (1, 400, 400), np.dtype(dtype))
    (array,) = random_inputs([spec])
    spec.check(array)
    assert array.min() == pytest.approx(low, abs=max(1e-3, (high - low) * 1e-3))
    assert array.max() == pytest.approx(high, abs=max(1e-3, (high - low) * 1e-3))
    np.testing.assert_array_equal(array, random_inputs([spec])[0])


def test_another_seed_is_another_input():
    spec = TensorSpec("x", (1, 8), np.dtype("float32"))
    assert random_inputs([spec], 1)[0].tolist() != random_inputs([spec], 2)[0].tolist()


class Counting(Model):
    """Counts its runs and makes a clock advance by ``cost`` nanoseconds each."""

    inputs = (TensorSpec("x", (1, 2), np.dtype("float32")),)
    outputs = inputs

    def __init__(self, cost, monkeypatch):
        self.runs, self.time, self.cost = 0, 0, cost
        monkeypatch.setattr(module.time, "perf_counter_ns", lambda: self.time)

    def run(self, arrays):
        self.runs += 1
        self.time += self.cost
        return list(arrays)

    def close(self):
        pass


def test_a_fast_model_runs_for_the_whole_time(monkeypatch):
    model = Counting(1_000_000, monkeypatch)
    got = measure(model, seconds=0.5)
    assert (got.runs, got.median_ms, model.runs) == (500, 1.0, 550)


def test_a_slow_model_runs_at_least_min_runs(monkeypatch):
    model = Counting(1_000_000_000, monkeypatch)
    got = measure(model, seconds=0.5, min_runs=7)
    assert (got.runs, model.runs) == (7, 7 + module.WARM_UP_RUNS)


@pytest.mark.parametrize(("seconds", "min_runs"), [(0, 5), (-1, 5), (float("nan"), 5), (1, 0)])
def test_impossible_durations_are_refused(monkeypatch, seconds, min_runs):
    with pytest.raises(InputError, match="seconds must be positive and min_runs at least 1"):
        measure(Counting(1, monkeypatch), seconds, min_runs)


def test_a_real_model(tmp_path):
    with open_model(models.fake(tmp_path / "x.fake", delay_ms=2)) as model:
        got = measure(model, seconds=0.01, min_runs=5)
    assert got.runs >= 5
    assert 2 <= got.min_ms <= got.median_ms <= got.p90_ms <= got.p99_ms
