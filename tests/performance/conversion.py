"""How much faster the frozen path converts MobileNetV2 1.0 (224) than the converter's own Keras path."""

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np

from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion import freeze, tflite
from edge.models import build

ROUNDS = 3


def measure() -> dict[str, float]:
    """Return median seconds of both, in turn, in this process, their ratio, and the largest difference of the outputs.

    A tiny network goes through both before, so that neither pays for what TensorFlow sets up once a process.
    """
    tiny = build("mobilenet_v1", (32, 32, 3), 2, 0.1)
    tflite.to_float32(freeze.freeze_keras(tiny))
    _stock(tiny)
    model = build("mobilenet_v2")
    rounds = []
    for _ in range(ROUNDS):
        rounds.append((_timed(lambda: tflite.to_float32(freeze.freeze_keras(model))), _timed(lambda: _stock(model))))
    frozen, stock = (statistics.median(one[which][0] for one in rounds) for which in (0, 1))
    (_, ours), (_, theirs) = rounds[-1]
    difference = np.abs(_run(ours) - _run(theirs)).max()
    return {
        "frozen_s": round(frozen, 2),
        "stock_s": round(stock, 2),
        "ratio": round(stock / frozen, 1),
        "max_difference": float(difference),
    }


def _timed(convert: Callable[[], bytes]) -> tuple[float, bytes]:
    started = time.perf_counter()
    content = convert()
    return time.perf_counter() - started, content


def _stock(model) -> bytes:
    with quiet_conversion(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return need("tensorflow").lite.TFLiteConverter.from_keras_model(model).convert()


def _run(content: bytes) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
