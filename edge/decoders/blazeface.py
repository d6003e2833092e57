"""MediaPipe's detectors of faces, palms and poses, which give landmarks with each box.

BlazeFace: Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047. Palms: Zhang et al. 2020,
https://arxiv.org/abs/2006.10214. Poses: Bazarevsky et al. 2020, https://arxiv.org/abs/2006.10204.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edge.decoders.activations import sigmoid
from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import (
    boxes_and_scores,
    corners_of,
    input_size,
    rows_of,
    size_of_input,
    unchecked,
    with_scores_of_one,
)
from edge.decoders.parameters import text, whole
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

POINTS = 6
"""Of a face: right eye, left eye, tip of the nose, mouth, right ear, left ear."""

PALM_POINTS = 7
"""Wrist, knuckles of index finger, middle finger, ring finger and little finger, two joints of the thumb."""

POSE_POINTS = 4
"""Centre of the hips, a point on a circle round the body, centre of the shoulders, one round the upper body. The box is
that of the face."""

SIGNED, UNSIGNED = (127.5, 127.5), (0.0, 255.0)
"""Mean and std of pixels from -1 to 1, and from 0 to 1."""

BEYOND = 1.25
"""How much larger than the input a box may be, such as that of a face close by. Boxes of the background may be huge."""


@dataclass(frozen=True)
class Published:
    """One of MediaPipe's detectors.

    Attributes:
        name: what it finds, for messages.
        side: of its input, in pixels.
        grids: (cells a side, boxes a cell) of each map.
        points: how many landmarks a box has.
        label: the name of its one class.
        pixels: the mean and the std of its input's pixels.
    """

    name: str
    side: int
    grids: tuple[tuple[int, int], ...]
    points: int = POINTS
    label: str = "face"
    pixels: tuple[float, float] = SIGNED

    @property
    def count(self) -> int:
        """How many boxes it gives."""
        return sum(cells * cells * boxes for cells, boxes in self.grids)

    @property
    def columns(self) -> int:
        """How many numbers a box and its landmarks have."""
        return 4 + 2 * self.points

    @property
    def parameters(self) -> dict[str, Any]:
        """The decoder's parameters."""
        found: dict[str, Any] = {"grids": [list(grid) for grid in self.grids], "points": self.points}
        return found if self.label == "face" else {**found, "label": self.label}


PUBLISHED = (
    Published("faces, front or short range", 128, ((16, 2), (8, 6))),
    Published("faces, back", 256, ((16, 2), (8, 6))),
    Published("faces, full range", 192, ((48, 1),)),
    Published("palms", 192, ((24, 2), (12, 6)), PALM_POINTS, "palm", UNSIGNED),
    Published("palms, before 2021", 256, ((32, 2), (16, 2), (8, 6)), PALM_POINTS, "palm", UNSIGNED),
    Published("poses", 224, ((28, 2), (14, 2), (7, 6)), POSE_POINTS, "pose", SIGNED),
    Published("poses, before 2021", 128, ((16, 2), (8, 6)), POSE_POINTS, "pose", SIGNED),
)


class BlazeFace:
    """Decodes an output with the role ``boxes``, (1, n, 4 + 2 * points), and one ``scores``, (1, n, 1) logits.

    A row is centre x, centre y, width, height, then x, y of each landmark, all in pixels of the input; centre and
    landmarks count from the centre of the row's cell. Scores go through a sigmoid.

    Parameters:
        grids: [cells a side, boxes a cell] of each map; default [[16, 2], [8, 6]], 896 boxes.
        points: how many landmarks there are (default 6).
        label: the name of the one class (default face).
    """

    task: ClassVar[str] = "detect"
    classes: int = 1

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self.labels: tuple[str, ...] = (text(parameters, "label", "face"),)
        self._boxes, self._scores = signature.one("boxes"), signature.one("scores")
        self.logits = (self._scores.name,)
        self._points = whole(parameters, "points", POINTS, 0, 1000)
        self._centres = _centres(parameters.get("grids", PUBLISHED[0].grids))
        self._size = input_size(signature, "blazeface")
        self.largest = {self._boxes.name: BEYOND * max(self._size)}
        count, columns = len(self._centres), 4 + 2 * self._points
        if self._boxes.shape != (1, count, columns) or self._scores.shape != (1, count, 1):
            raise InputError(
                f"decoder blazeface with {count} anchors and {self._points} landmarks takes boxes "
                f"(1, {count}, {columns}) and scores (1, {count}, 1), got {self._boxes.shape} and {self._scores.shape}"
            )

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            rows = rows_of(outputs[self._boxes.name], 4 + 2 * self._points)
            centres = self._centres * np.asarray(self._size, np.float32)
            boxes = corners_of(rows[:, :2] + centres, rows[:, 2:4])
            points = rows[:, 4:].reshape(len(rows), self._points, 2) + centres[:, None]
            scores = sigmoid(rows_of(outputs[self._scores.name], 1))
            return Candidates(boxes, scores, with_scores_of_one(points) if self._points else None)


def _centres(grids: Any) -> Floats:
    """Return (n, 2) x, y of the cells' centres, in fractions of the input; a cell stands there once for each box."""
    try:
        found = [_grid(*map(int, row)) for row in grids]
        return np.concatenate(found).astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"parameter grids must be rows of cells a side and boxes a cell, like [[16, 2], [8, 6]]; got {grids!r}"
        ) from error


def _grid(cells: int, boxes: int) -> Any:
    if not (0 < cells <= 1024 and 0 < boxes <= 64):
        raise ValueError
    y, x = np.mgrid[0:cells, 0:cells]
    return np.repeat((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / cells, boxes, axis=0)


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder: the boxes have as many numbers as those of a published detector."""
    columns = {output.shape[-1] for output in outputs if output.shape}
    found = next((each.columns for each in PUBLISHED if each.columns in columns), PUBLISHED[0].columns)
    return boxes_and_scores("blazeface", outputs, columns=found)


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: as many boxes and landmarks as one of the published detectors has for its input."""
    size, shapes = size_of_input(inputs), sorted(output.shape for output in outputs)
    for detector in PUBLISHED:
        n = detector.count
        if size == (detector.side, detector.side) and shapes == [(1, n, 1), (1, n, detector.columns)]:
            mean, std = detector.pixels
            return Recognized(
                TaskSpec("detect", "blazeface", detector.parameters),
                roles(outputs),
                f"MediaPipe's {n} anchors ({detector.name}) in two outputs",
                {"colour": "RGB", "mean": (mean,), "std": (std,), "resize": "letterbox"},
            )
    return None
