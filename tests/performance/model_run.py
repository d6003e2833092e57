"""What ``Model.run`` adds to the bare interpreter: set_tensor, invoke, get_tensor with cached indices."""

import tempfile
import time
from pathlib import Path

import numpy as np

from edge.backends import open_model
from edge.bench.measure import random_inputs
from tests.backends import models
from tests.shared import SHARED

CALLS = 10_000


def measure(calls: int = CALLS) -> dict[str, object]:
    """Return microseconds a call, medians of ``calls`` interleaved pairs on the MLPerf Tiny keyword model.

    Without the shared data the hand-written int8 convolution stands in. Which of the two goes first
    alternates, so that neither profits from the caches the other filled.
    """
    with tempfile.TemporaryDirectory() as folder:
        if SHARED is not None:
            path = SHARED / "models" / "mlperf_tiny" / "kws_ref_model.tflite"
        else:
            path = models.tflite_conv(Path(folder) / "conv.tflite", int8=True)
        bare, wrapped = _compare(path, calls)
    return {
        "model": path.name,
        "calls": calls,
        "bare_us": round(bare, 3),
        "model_run_us": round(wrapped, 3),
        "overhead_us": round(wrapped - bare, 3),
    }


def _compare(path: Path, calls: int) -> tuple[float, float]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]
    with open_model(path, "litert", threads=1) as model:
        (array,) = random_inputs(model.inputs)

        def bare():
            interpreter.set_tensor(source, array)
            interpreter.invoke()
            return interpreter.get_tensor(target)

        def wrapped():
            return model.run([array])

        np.testing.assert_array_equal(bare(), wrapped()[0])
        return _interleaved(bare, wrapped, calls)


def _interleaved(first, second, calls):
    """Return the median microseconds of each function over ``calls`` calls in turn."""
    times = {first: [], second: []}
    now = time.perf_counter_ns
    for number in range(calls + 100):
        for function in (first, second) if number % 2 else (second, first):
            start = now()
            function()
            times[function].append(now() - start)
    return tuple(float(np.median(taken[100:])) / 1000 for taken in times.values())


if __name__ == "__main__":
    print(measure())
