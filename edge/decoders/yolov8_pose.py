"""YOLO's poses: a box, a score and keypoints at each place of the grids, as v8 and v11 give them."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from edge.decoders import yolo_boxes
from edge.decoders.activations import probabilities
from edge.decoders.base import Candidates, Ends, Floats, Poses, Recognized
from edge.decoders.heads import all_alike, input_size, poses, size_of_input, unchecked, with_scores_of_one
from edge.decoders.parameters import choice, number, whole
from edge.decoders.select import Selection, select
from edge.decoders.yolov8 import POSE_ROWS
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

BOX = 5
"""Centre x, centre y, width, height and the score, before the keypoints."""


class Yolov8Pose:
    """Decodes one output with the role ``points``, (1, 5 + numbers, n) or (1, n, 5 + numbers).

    A place has centre x, centre y, width, height, a score, and x, y, or x, y and a score, of each keypoint. Boxes that
    overlap better ones are suppressed.

    Parameters:
        dimensions: how many numbers a keypoint has, 3 (default) or 2.
        coordinates: ``pixels``, ``fractions`` of the input, or ``auto`` (default), which tells them by their values.
        score_threshold: the least score of an instance (default 0.25).
        iou_threshold: a box that overlaps a better one by more than this is dropped (default 0.7).
        max_detections: the most instances (default 100).
    """

    task: ClassVar[str] = "keypoints"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "yolov8_pose")
        self._output = signature.one("points")
        self._dimensions = whole(parameters, "dimensions", 3, 2, 3)
        self._form = choice(parameters, "coordinates", "auto", ("auto", "pixels", "fractions"))
        self._selection = Selection(
            number(parameters, "score_threshold", 0.25, 0, 1),
            number(parameters, "iou_threshold", 0.7, 0, 1),
            whole(parameters, "max_detections", 100, 1, 100_000),
        )
        shape = self._output.shape
        self._rows_first = len(shape) == 3 and shape[1] < shape[2]
        rows = min(shape[1:]) if len(shape) == 3 and shape[0] == 1 else 0
        if rows <= BOX or (rows - BOX) % self._dimensions:
            raise InputError(
                f"decoder yolov8_pose with {self._dimensions} numbers a keypoint takes an output (1, 5 + numbers, n) "
                f"or (1, n, 5 + numbers), got {self._output.name} {shape}"
            )
        self.points: int = (rows - BOX) // self._dimensions

    def __call__(self, outputs: Outputs) -> Poses:
        """See PoseDecoder."""
        with unchecked():
            values = outputs[self._output.name].real[0]
            values = values.T if self._rows_first else values
            fractions = self._form == "fractions" or (
                self._form == "auto" and yolo_boxes.are_fractions(values[:, : BOX - 1])
            )
            scale = np.asarray(self._size if fractions else (1, 1), np.float32)
            boxes = yolo_boxes.boxes_of(
                values[:, : BOX - 1], "fractions" if fractions else "pixels", self._size, "yolov8_pose"
            )
            scores = probabilities(values[:, BOX - 1 : BOX], self._output.name, yolo_boxes.REMEDY)
            found = select(Candidates(boxes, scores, self._keypoints(values[:, BOX:], scale)), self._selection)
            assert found.points is not None  # the candidates have points
            return poses(found.points, found.scores, found.boxes)

    def _keypoints(self, values: Any, scale: Floats) -> Floats:
        """Return (n, k, 3) x, y in pixels and the score."""
        rows = values.reshape(len(values), self.points, self._dimensions)
        points = with_scores_of_one(rows[..., :2] * scale)
        if self._dimensions == 3:
            points[..., 2] = np.clip(np.nan_to_num(rows[..., 2]), 0, 1)
        return points


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("yolov8_pose", outputs, "points", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: COCO's 17 keypoints at each place of the grids."""
    size = size_of_input(inputs)
    if size is None or len(outputs) != 1 or len(outputs[0].shape) != 3:
        return None
    _, first, second = outputs[0].shape
    rows, n = (first, second) if first < second else (second, first)
    if rows != POSE_ROWS or not yolo_boxes.strides_for(size, n):
        return None
    return Recognized(
        TaskSpec("keypoints", "yolov8_pose", {"dimensions": 3}),
        ("points",),
        f"{n} boxes of YOLO with {(rows - BOX) // 3} keypoints in one output",
        yolo_boxes.YOLO_PIXELS,
    )
