"""The int8 ONNX files against what ``quantize_static`` of ONNX Runtime makes of the same networks, in one run.

    python -m tests.performance.onnx_int8 [NETWORK ...]

All files run in ONNX Runtime as it comes, on one thread. The answers are compared in EdgeKit's backend, which has
exact sums on every processor.
"""

import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.device import saturates_int8
from edge.scenes.multi_object_scene import compose
from tests import zoo

need("tensorflow")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import tf_keras as keras  # noqa: E402
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static  # noqa: E402

from edge.deploy.conversion import freeze, tflite  # noqa: E402
from edge.deploy.conversion.onnx import from_tflite  # noqa: E402
from edge.models import build  # noqa: E402
from edge.models.networks import NETWORKS  # noqa: E402

NETWORKS_MEASURED = ("mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2", "efficientnet_b0")
SIDE = 224
SETTLED, CALIBRATED, COMPARED = 16, 8, 16
"""How many pictures settle the normalizations, how many calibrate, and how many are compared."""
ROUNDS = 60
U8S8 = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}


def network(name: str) -> Any:
    """Return the network with random weights, up to its logits. EfficientNet-B0 is Keras' where the zoo has none."""
    keras.utils.set_random_seed(0)
    if name == "efficientnet_b0" and name not in NETWORKS:
        return keras.applications.EfficientNetB0(weights=None, classifier_activation=None)
    model = build(name, (SIDE, SIDE, 3))
    last = model.layers[-1]
    return keras.Model(model.inputs, last.input) if isinstance(last, keras.layers.Activation) else model


def pictures(name: str) -> np.ndarray:
    """Return (count, 224, 224, 3) float32 drawn scenes in the values that the network takes."""
    rng = np.random.default_rng(0)
    drawn = np.stack([compose(rng, SIDE).image for _ in range(SETTLED + CALIBRATED + COMPARED)]).astype(np.float32)
    return drawn if name == "efficientnet_b0" else drawn / 127.5 - 1


def write_files(name: str, folder: Path) -> dict[str, Path]:
    """Write the network in every form; return the files by form."""
    model, images = network(name), pictures(name)
    zoo.settle(model, images[:SETTLED])
    frozen, samples = freeze.freeze_keras(model), images[SETTLED:-COMPARED]
    paths = {form: folder / f"{name}_{form}.onnx" for form in ("float32", "int8", "defaults", "u8s8")}
    for form, content in (("float32", tflite.to_float32(frozen)), ("int8", tflite.to_int8(frozen, samples[:, None]))):
        paths[form].with_suffix(".tflite").write_bytes(content)
        from_tflite(paths[form].with_suffix(".tflite"), paths[form])
    logging.disable(logging.WARNING)  # it recommends a step before, which changes nothing for folded normalizations
    for form, options in (("defaults", {}), ("u8s8", U8S8)):
        quantize_static(paths["float32"], paths[form], _Samples(paths["float32"], samples), **options)
    logging.disable(logging.NOTSET)
    return paths


class _Samples(CalibrationDataReader):
    def __init__(self, path: Path, samples: np.ndarray) -> None:
        entry = onnx.load(path).graph.input[0].name
        self._rest = iter([{entry: sample[None]} for sample in samples])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next sample, or None."""
        return next(self._rest, None)


def ratios(paths: dict[str, Path], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the int8 file's time over that of each other form: medians of rounds in which each has its turn."""
    sessions = {form: _session(path) for form, path in paths.items()}
    seconds: dict[str, list[float]] = {form: [] for form in sessions}
    for number in range(rounds + 5):
        for form, (session, feed) in sessions.items():
            started = time.perf_counter()
            session.run(None, feed)
            if number >= 5:
                seconds[form].append(time.perf_counter() - started)
    spent = {form: np.array(values) for form, values in seconds.items()}
    return {form: float(np.median(spent["int8"] / values)) for form, values in spent.items() if form != "int8"}


def _session(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    dtype = np.uint8 if entry.type == "tensor(uint8)" else np.float32
    return session, {entry.name: np.zeros((1, SIDE, SIDE, 3), dtype)}


def within_a_step(name: str, path: Path) -> float:
    """Return the percentage of logits that differ by at most one step from those of the TFLite file."""
    with open_model(path) as ours, open_model(path.with_suffix(".tflite")) as theirs:
        entry, images = theirs.inputs[0].quantization, pictures(name)[-COMPARED:]
        found = []
        for image in images:
            integers = np.clip(np.rint(image / entry.scale) + entry.zero_point, -128, 127).astype(int)[None]
            (wanted,), (got,) = (
                theirs.run([integers.astype(np.int8)]), ours.run([(integers + 128).astype(np.uint8)]),
            )  # fmt: skip
            found.append(np.abs(got.astype(int) - 128 - wanted) <= 1)
    return 100 * float(np.mean(found))


def has_int8_instructions() -> bool:
    """Return whether this processor has VNNI, or on ARM dot products."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "asimddp" in told or ("flags" in told and not saturates_int8())


def measure(folder: Path, names: Sequence[str] = NETWORKS_MEASURED) -> dict[str, dict[str, float]]:
    """Return the ratios and the agreement by network."""
    found = {}
    for name in names:
        paths = write_files(name, folder)
        keras.backend.clear_session()
        figures = {f"over_{form}": round(ratio, 3) for form, ratio in ratios(paths).items()}
        found[name] = {**figures, "within_a_step": round(within_a_step(name, paths["int8"]), 2)}
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        for measured, row in measure(Path(temporary), sys.argv[1:] or NETWORKS_MEASURED).items():
            print(measured, row, flush=True)
