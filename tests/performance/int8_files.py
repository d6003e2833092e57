"""What is inside the int8 files of every efficient network: types, batch, delegate partitions, shape operations."""

from pathlib import Path

import numpy as np

from edge.backends import open_model
from edge.deploy.compress import qat
from edge.deploy.conversion import freeze, tflite
from edge.models import build
from edge.models.networks import MOBILE
from tests import tflite_file, zoo

DYNAMIC = {"SHAPE", "PACK", "STRIDED_SLICE"}


SIDE = 96


def calibrated(network: str) -> bytes:
    """Return an int8 file of an untrained network, calibrated on noise: the structure is what counts here."""
    rng = np.random.default_rng(0)
    frozen = freeze.freeze_keras(build(network))
    return tflite.to_int8(
        frozen, [rng.uniform(-1, 1, frozen.input_specs[0].shape).astype(np.float32) for _ in range(4)]
    )


def quantize_aware(network: str) -> bytes:
    """Return the int8 file of an untrained network, half of its weights zero, with simulated quantization."""
    model = build(network, (SIDE, SIDE, 3), 10, 0.5)
    for layer in model.layers:
        if type(layer).__name__ == "Conv2D":
            kernel, *bias = layer.get_weights()
            layer.set_weights([np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, kernel), *bias])
    batch = np.random.default_rng(0).uniform(-1, 1, (4, SIDE, SIDE, 3)).astype(np.float32)
    zoo.settle(model, batch)  # or values vanish on the way, and additions of theirs fit no integer arithmetic
    simulated = qat.quantize_aware(model, [batch], keep_sparsity=True)
    simulated(batch, training=True)  # tfmot takes the ranges of weights in a training step
    qat.finish(simulated, model)
    return tflite.qat_to_int8(freeze.freeze_keras(simulated))


def measure(folder: Path) -> dict[str, dict[str, object]]:
    """Return what was found, by network and way; MobileNetV2's file stays in ``folder`` for the loop."""
    found = {}
    for network in MOBILE:
        path = folder / f"{network}_int8.tflite"
        path.write_bytes(calibrated(network))
        found[network] = _look(path)
        simulated = folder / f"{network}_qat_int8.tflite"
        simulated.write_bytes(quantize_aware(network))
        found[f"{network}, pruned and quantization-aware"] = _look(simulated)
    return found


def _look(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    partitions, left = tflite_file.delegate_partitions(content)
    with open_model(path) as model:
        batch = model.inputs[0].shape[0]
    return {
        "types": sorted(tflite_file.tensor_dtypes(content)),
        "batch": batch,
        "partitions": partitions,
        "outside_the_delegate": left,
        "dynamic": sorted(DYNAMIC & set(tflite_file.op_names(content))),
    }


def is_good(row: dict[str, object]) -> bool:
    """Return whether one network's file keeps every rule. LiteRT's delegate has no int8 softmax; it comes last."""
    types = set(row["types"]) <= {"int8", "int32"}
    whole = row["partitions"] == 1 and set(row["outside_the_delegate"]) <= {"SOFTMAX"}
    return types and row["batch"] == 1 and whole and not row["dynamic"]
