"""The gate: each file in its runtime, opened once, beside the model, sample by sample, as the task compares."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from edge.deploy import parity
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.parity import THE_MODEL, Gate, compare_files
from edge.deploy.samples import Sample, Samples
from edge.errors import GateFailed, InputError
from edge.manifest import Artifact, StoredFile
from edge.runnable import TensorNames
from edge.signature import Output
from edge.tasks.base import Budget
from edge.tensors import TensorSpec
from tests.backends import models
from tests.deploy.samples.network_info import network, tensor

ROWS = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)


@pytest.fixture
def pair(tmp_path):
    """Return a file whose inputs are a, b and whose outputs are a + b, a - b, as float32 and under another name."""
    path = models.tflite_pair(tmp_path / "model_float32.tflite")
    names = TensorNames({"left": "a", "right": "b"}, {"total": "sum", "rest": "difference"})
    return ConvertedArtifact(path, Artifact("tflite", "float32", (StoredFile(path.name),), "cpu", names))


def network_info():
    """Return a network whose signature lists its inputs and outputs in another order than the file."""
    found = network(tensor((3,), name="right"), tensor((3,), name="left"), task="raw", role="tensor")
    outputs = (Output("rest", "tensor", (1, 3)), Output("total", "tensor", (1, 3)))
    return replace(found, signature=replace(found.signature, outputs=outputs))


def source(off=0.0):
    """Return the model: numpy, a little off."""
    calls = []

    def reference(inputs):
        calls.append(len(inputs["left"]))
        return {"rest": inputs["left"] - inputs["right"], "total": inputs["left"] + inputs["right"] + off}

    specs = [TensorSpec(name, (1, 3), np.dtype(np.float32)) for name in ("right", "left", "rest", "total")]
    made = SourceModel("net", tuple(specs[:2]), tuple(specs[2:]), reference)
    return made, calls


@pytest.fixture
def data(monkeypatch):
    """Let any path hold ROWS as samples, the third of which cannot be decoded."""

    def opened(path, network, splits, choice):
        rows = choice(np.zeros(len(ROWS), np.int64))

        def read():
            for row in rows:
                left, right = ROWS[row, :1], ROWS[row, 1:]
                yield None if row == 2 else Sample(str(row), {"left": left, "right": right})

        return Samples(tuple(str(row) for row in rows), read, "row", ("assumed rows",))

    monkeypatch.setattr(parity, "open_samples", opened)


def run(model, made, gate):
    said, shown = [], []
    samples = parity.verification_samples(gate, network_info(), gate.samples)
    found = compare_files(
        gate, samples, model, made, network_info(), said.append, lambda done, total: shown.append((done, total))
    )
    if found.failure:
        raise found.failure
    return found.comparisons, said, shown


def test_outputs_are_compared_by_name_whatever_the_file_s_order(pair, data, tmp_path):
    model, calls = source()
    rows, said, shown = run(model, [pair], Gate(tmp_path))
    assert [(row.candidate, row.reference, row.figures.samples) for row in rows] == [(pair.path.name, THE_MODEL, 6)]
    assert rows[0].figures.snr > 120
    assert calls == [6]
    assert said == ["assumed rows", "left out 1 row(s) that cannot be decoded: 2"]
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == ((0, 7), (7, 7))


def test_a_file_that_computes_something_else_fails(pair, data, tmp_path):
    with pytest.raises(GateFailed, match=r"model_float32\.tflite agrees with the model .* at least 80 dB") as caught:
        run(source(off=0.01)[0], [pair], Gate(tmp_path))
    assert "--min-agreement" not in str(caught.value)  # no allowance makes a wrong float32 file right


def test_each_file_is_opened_once(pair, data, tmp_path, monkeypatch):
    opened = []

    class Counted(parity.Session):
        def __init__(self, runnable, *rest):
            opened.append(runnable.path.name)
            super().__init__(runnable, *rest)

        def close(self):
            opened.append("closed")
            super().close()

    monkeypatch.setattr(parity, "Session", Counted)
    monkeypatch.setattr(parity.reference, "LARGEST_BATCH", 2)
    model, calls = source()
    run(model, [pair], Gate(tmp_path))
    assert opened == [pair.path.name, "closed"]
    assert calls == [2, 2, 2]


def test_large_samples_go_through_the_model_in_smaller_batches(pair, data, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "MOST_BYTES", 4 * 12 * 3)  # three samples of twelve float32 values
    model, calls = source()
    run(model, [pair], Gate(tmp_path))
    assert calls == [3, 3]


def test_at_most_so_many_samples(pair, data, tmp_path):
    (row,), *_ = run(source()[0], [pair], Gate(tmp_path, samples=2, seed=1))
    assert row.figures.samples <= 2


def test_no_sample_at_all_is_bad_input(pair, data, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "choose_samples", lambda classes, count, seed: np.array([2]))
    with pytest.raises(InputError, match="none of the 1 rows to verify on can be decoded"):
        run(source()[0], [pair], Gate(tmp_path))


def test_outputs_that_cannot_be_compared_name_file_and_sample(pair, data, tmp_path):
    model, _ = source(off=np.nan)
    with pytest.raises(GateFailed, match=r"model_float32\.tflite cannot be compared with the model on 0: .*not finite"):
        run(model, [pair], Gate(tmp_path))


def as_int8(made):
    return replace(made, artifact=replace(made.artifact, precision="int8"))


@pytest.mark.parametrize(
    ("gate", "twin", "limit"),
    [
        pytest.param({}, False, Budget(20, 0), id="the task's"),
        pytest.param({}, True, Budget(pytest.approx(26.02, abs=0.01), 0), id="a quarter of it"),
        pytest.param({"min_agreement": 30, "max_drop": 2}, False, Budget(30, 2), id="what was said"),
        pytest.param({"min_agreement": 30, "min_onnx_agreement": 40}, True, Budget(40, 0), id="of twins"),
    ],
)
def test_int8_files_are_held_to_the_task_s_budget_or_what_was_said(pair, tmp_path, gate, twin, limit):
    with closing(parity.open_session(pair, "net", network_info())) as opened:
        found = Gate(tmp_path, **gate).limits(as_int8(pair), opened.task, "dB", twin)
    assert (found.budget, found.exact) == (limit, False)


def test_a_quantized_file_over_budget_says_what_may_mend_it(pair, data, tmp_path):
    with pytest.raises(GateFailed, match=r"dB of 6 samples, at least 70 dB needed; more samples for --calibrate"):
        run(source(off=0.01)[0], [as_int8(pair)], Gate(tmp_path, min_agreement=70))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        pytest.param({"min_agreement": 101}, "--min-agreement must be 0 to 100", id="agreement"),
        pytest.param({"min_onnx_agreement": float("nan")}, "--min-onnx-agreement must be 0 to 100", id="of twins"),
        pytest.param({"max_drop": float("nan")}, "must be a number", id="drop"),
    ],
)
def test_what_is_no_budget_is_refused(tmp_path, choice, words):
    with pytest.raises(InputError, match=words):
        Gate(tmp_path, **choice)
