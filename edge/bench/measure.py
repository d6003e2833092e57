"""The latency of a model: how long one run takes, on this machine, now."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from edge.backends.base import Model
from edge.errors import InputError
from edge.tensors import Array, TensorSpec

WARM_UP_RUNS = 5
MIN_RUNS = 20


@dataclass(frozen=True)
class Timing:
    """Latencies of single runs, in milliseconds.

    Attributes:
        runs: how many runs were timed.
        median_ms: half of the runs took at most this.
        p90_ms: 90 % of the runs took at most this.
        p99_ms: 99 % of the runs took at most this.
        min_ms: the fastest run.
        mean_ms: the mean of all runs.
    """

    runs: int
    median_ms: float
    p90_ms: float
    p99_ms: float
    min_ms: float
    mean_ms: float

    def as_json(self) -> dict[str, float]:
        """Return the figures as a JSON object, rounded to a tenth of a microsecond."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def measure(model: Model, seconds: float = 1.0, min_runs: int = MIN_RUNS, seed: int = 0) -> Timing:
    """Time single runs on one random input.

    Warm-up runs come first and do not count: at least WARM_UP_RUNS, for at least a tenth of ``seconds``. In them the
    interpreter packs its weights and the processor raises its clock.

    Args:
        model: an open model.
        seconds: how long to measure.
        min_runs: how many runs to time at least, however long they take.
        seed: seed of the random input.

    Raises:
        InputError: ``seconds`` is not positive, or ``min_runs`` is below 1.
    """
    if not seconds > 0 or min_runs < 1:
        raise InputError(f"seconds must be positive and min_runs at least 1, got {seconds} and {min_runs}")
    arrays = random_inputs(model.inputs, seed)
    _timed(model, arrays, seconds / 10, WARM_UP_RUNS)
    return summarize(_timed(model, arrays, seconds, min_runs))


def random_inputs(specs: Sequence[TensorSpec], seed: int = 0) -> list[Array]:
    """Return one random array for each input.

    Floats are from -1 to 1, and integers of 8 and 16 bits from their whole range. Wider integers are zero: they are
    indices, and another value could point outside a table.

    Args:
        specs: the inputs.
        seed: seed of the generator.
    """
    draw = np.random.default_rng(seed)
    return [_random(spec, draw) for spec in specs]


def _random(spec: TensorSpec, draw: np.random.Generator) -> Array:
    if spec.dtype.kind == "f":
        return draw.uniform(-1, 1, spec.shape).astype(spec.dtype)
    if spec.dtype.kind in "iu" and spec.dtype.itemsize <= 2:
        limits = np.iinfo(spec.dtype)
        return draw.integers(limits.min, limits.max, spec.shape, spec.dtype, endpoint=True)
    return np.zeros(spec.shape, spec.dtype)


def _timed(model: Model, arrays: Sequence[Array], seconds: float, min_runs: int) -> list[int]:
    """Return the nanoseconds of each run."""
    run, now = model.run, time.perf_counter_ns
    taken: list[int] = []
    end = now() + int(seconds * 1e9)
    while len(taken) < min_runs or now() < end:
        start = now()
        run(arrays)
        taken.append(now() - start)
    return taken


def summarize(nanoseconds: Sequence[int]) -> Timing:
    """Return the figures of runs that took so many nanoseconds. Percentiles interpolate linearly between runs."""
    times = np.asarray(nanoseconds, np.float64) / 1e6
    median, p90, p99 = (float(v) for v in np.percentile(times, (50, 90, 99)))
    return Timing(len(times), median, p90, p99, float(times.min()), float(times.mean()))
