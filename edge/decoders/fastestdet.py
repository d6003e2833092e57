"""FastestDet: one box at each place of one grid, without anchors (https://github.com/dog-qiuqiu/FastestDet)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders.activations import sigmoid
from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import Size, all_alike, corners_of, input_size, size_of_input, unchecked
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

STRIDE = 16
OBJECTNESS_POWER, CLASS_POWER = 0.6, 0.4


class FastestDet:
    """Decodes one output with the role ``detections``, (1, 5 + classes, rows, columns) or (1, rows, columns, 5 + …).

    The numbers of a place are objectness, x, y, width, height, and a probability for each class. The centre is
    (place + tanh(x, y)) of the grid, the sides are sigmoid(width, height) of the input, and the score is
    objectness^0.6 * probability^0.4. It has no parameters of its own.
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        self._size = input_size(signature, "fastestdet")
        self._output = signature.one("detections")
        self._axis = _axis(self._output.shape, self._size)
        if self._axis is None:
            width, height = self._size
            raise InputError(
                f"decoder fastestdet takes a grid of a cell for every {STRIDE} pixels, (1, 5 + classes, "
                f"{height // STRIDE}, {width // STRIDE}), got {self._output.name} {self._output.shape}"
            )
        self.classes: int = self._output.shape[self._axis] - 5

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            cells = np.moveaxis(outputs[self._output.name].real[0], (self._axis or 1) - 1, -1)
            rows, columns, numbers = cells.shape
            values = cells.reshape(-1, numbers)
            y, x = np.mgrid[0:rows, 0:columns]
            place = np.stack([x.ravel(), y.ravel()], axis=1)
            size = np.asarray(self._size, np.float32)
            centres = (place + np.tanh(values[:, 1:3])) / (columns, rows) * size
            return Candidates(corners_of(centres, sigmoid(values[:, 3:5]) * size), _scores(values))


def _scores(values: Floats) -> Floats:
    """Return (n, classes) scores; values beyond 0 to 1, as rounding of a quantized file gives them, are cut off."""
    objectness, classes = np.clip(values[:, :1], 0, 1), np.clip(values[:, 5:], 0, 1)
    return np.asarray(objectness**OBJECTNESS_POWER * classes**CLASS_POWER, np.float32)


def _axis(shape: tuple[int, ...], size: Size) -> int | None:
    """Return the axis of the numbers of a place, 1 or 3; None when the shape is not such a grid."""
    width, height = size
    grid = (height // STRIDE, width // STRIDE)
    if len(shape) != 4:
        return None
    if shape[2:] == grid and shape[1] >= 6:
        return 1
    return 3 if shape[1:3] == grid and shape[3] >= 6 else None


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("fastestdet", outputs, "detections", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: a grid whose channels end in different operations, which no mask and no heat map do."""
    size = size_of_input(inputs)
    if size is None or len(outputs) != 1 or tuple(ends) != ("mixed",) or _axis(outputs[0].shape, size) is None:
        return None
    return Recognized(
        TaskSpec("detect", "fastestdet", {"best_class_only": True}),
        ("detections",),
        "FastestDet's grid of objectness, box and classes in one output",
        {"colour": "BGR", "mean": (0.0,), "std": (255.0,), "resize": "stretch"},
    )
