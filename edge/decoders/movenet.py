"""MoveNet: seventeen keypoints of one person or of six (https://www.kaggle.com/models/google/movenet)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders.base import Ends, Floats, Poses, Recognized
from edge.decoders.heads import all_alike, input_size, pixels_of, poses, size_of_input, unchecked
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

POINTS = 17
"""COCO's, from the nose to the right ankle."""

BOX = 5
"""ymin, xmin, ymax, xmax and the person's score, behind the keypoints of a network for several."""


class MoveNet:
    """Decodes one output with the role ``points``.

    It is (1, 1, k, 3), y, x in fractions of the input and a score, for one person; or (1, people, 3 * k + 5), the same
    numbers in a row, then ymin, xmin, ymax, xmax and a score, for several. The score of a single person is the mean of
    the keypoints'. It has no parameters of its own.
    """

    task: ClassVar[str] = "keypoints"

    def __init__(self, signature: Signature) -> None:
        self._size = input_size(signature, "movenet")
        self._output = signature.one("points")
        shape = self._output.shape
        self._single = len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == 3
        if not self._single and (len(shape) != 3 or shape[2] < BOX + 3 or (shape[2] - BOX) % 3):
            raise InputError(
                "decoder movenet takes an output (1, 1, k, 3) or (1, people, 3 * k + 5), "
                f"got {self._output.name} {shape}"
            )
        self.points: int = shape[2] if self._single else (shape[2] - BOX) // 3

    def __call__(self, outputs: Outputs) -> Poses:
        """See PoseDecoder."""
        with unchecked():
            values = outputs[self._output.name].real
            if self._single:
                points = self._in_pixels(values.reshape(1, -1, 3))
                return poses(points, points[..., 2].mean(axis=1))
            rows = values[0]
            points = self._in_pixels(rows[:, :-BOX].reshape(len(rows), -1, 3))
            boxes = pixels_of(rows[:, -BOX:-1], self._size)
            return poses(points, rows[:, -1], boxes)

    def _in_pixels(self, points: Floats) -> Floats:
        """Return (people, k, 3) x, y in pixels and score of (people, k, 3) y, x in fractions and score."""
        width, height = self._size
        scaled = [points[..., 1] * width, points[..., 0] * height, np.clip(points[..., 2], 0, 1)]
        return np.stack(scaled, axis=-1).astype(np.float32)


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("movenet", outputs, "points", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: a table of 17 keypoints."""
    shapes = [output.shape for output in outputs]
    if size_of_input(inputs) is None or shapes not in ([(1, 1, POINTS, 3)], [(1, 6, 3 * POINTS + BOX)]):
        return None
    people = 1 if len(shapes[0]) == 4 else shapes[0][1]
    return Recognized(
        TaskSpec("keypoints", "movenet"),
        ("points",),
        f"MoveNet's table of {POINTS} keypoints for {'one person' if people == 1 else f'{people} people'}",
        {"colour": "RGB", "mean": (0.0,), "std": (1.0,), "resize": "letterbox"},
    )
