"""What is inside the int8 files of every network: tensor types, batch, delegate partitions, shape operations."""

from pathlib import Path

import numpy as np

from edge.backends import open_model
from edge.deploy.convert import freeze, tflite
from edge.models import available, build
from tests import tflite_file

DYNAMIC = {"SHAPE", "PACK", "STRIDED_SLICE"}


def make(network: str, side: int = 224, width: float = 1.0) -> bytes:
    """Return an int8 file of an untrained network, calibrated on noise: the structure is what counts here."""
    rng = np.random.default_rng(0)
    samples = [rng.uniform(-1, 1, (1, side, side, 3)).astype(np.float32) for _ in range(4)]
    model = build(network, input_shape=(side, side, 3), width=width)
    return tflite.to_int8(freeze.freeze_keras(model), samples)


def measure(folder: Path) -> dict[str, dict[str, object]]:
    """Return what was found, by network; MobileNetV2's file stays in ``folder`` for the loop."""
    found = {}
    for network in available():
        content = make(network)
        path = folder / f"{network}_int8.tflite"
        path.write_bytes(content)
        partitions, left = tflite_file.delegate_partitions(content)
        with open_model(path) as model:
            batch = model.inputs[0].shape[0]
        found[network] = {
            "types": sorted(tflite_file.tensor_dtypes(content)),
            "batch": batch,
            "partitions": partitions,
            "outside_the_delegate": left,
            "dynamic": sorted(DYNAMIC & set(tflite_file.op_names(content))),
        }
    return found


def is_good(row: dict[str, object]) -> bool:
    """Return whether one network's file keeps every rule. LiteRT's delegate has no int8 softmax; it comes last."""
    types = set(row["types"]) <= {"int8", "int32"}
    whole = row["partitions"] == 1 and set(row["outside_the_delegate"]) <= {"SOFTMAX"}
    return types and row["batch"] == 1 and whole and not row["dynamic"]
