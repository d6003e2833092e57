"""YOLO heads without objectness: v8, v9, v11, and those that suppress in the graph (v10, and exports with NMS)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from edge.decoders import yolo_boxes
from edge.decoders.activations import probabilities
from edge.decoders.base import Candidates, Ends, Recognized
from edge.decoders.heads import Size, all_alike, input_size, size_of_input, unchecked
from edge.decoders.parameters import choice, flag, whole
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, Tensor, TensorSpec

POSE_ROWS = 56
"""4 + 1 + 17 * 3: what a pose network of COCO gives; 52 classes are rarer, so these need to be named."""

MOST_CLASSES = 100_000

MOST_END_TO_END = 1000
"""Files that suppress in the graph give 300 boxes, or what their export was told; grids give more."""


class Yolov8:
    """Decodes one output with the role ``detections``.

    It is (1, 4 + classes, n) or (1, n, 4 + classes), centre x, centre y, width, height and a score for each class; or,
    where the graph suppresses, (1, n, 6): x0, y0, x1, y1, score, class.

    Parameters:
        layout: ``rows_first`` for (1, 4 + classes, n), ``rows_last`` for (1, n, 4 + classes); ``auto`` (default) takes
            the shorter axis for the rows.
        end_to_end: whether the graph suppresses (default false).
        coordinates: ``pixels``, ``fractions`` of the input, or ``auto`` (default), which tells them by their values.
        classes: how many classes there are; for ``end_to_end`` only, where the output does not tell.
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "yolov8")
        self._output = signature.one("detections")
        self._form = choice(parameters, "coordinates", "auto", ("auto", "pixels", "fractions"))
        self._end_to_end = flag(parameters, "end_to_end", False)
        shape = self._output.shape
        layout = choice(parameters, "layout", "auto", ("auto", "rows_first", "rows_last"))
        self._rows_first = _rows_first(shape, layout) and not self._end_to_end
        rows = shape[1 if self._rows_first else 2] if len(shape) == 3 and shape[0] == 1 else 0
        if rows < 5 or (self._end_to_end and rows != 6):
            wanted = "(1, n, 6)" if self._end_to_end else "(1, 4 + classes, n) or (1, n, 4 + classes)"
            raise InputError(f"decoder yolov8 takes an output {wanted}, got {self._output.name} {shape}")
        self.classes: int | None = rows - 4
        if self._end_to_end:
            self.classes = whole(parameters, "classes", 0, 1, MOST_CLASSES) if "classes" in parameters else None

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            tensor = outputs[self._output.name]
            if self._end_to_end:
                return self._detections(tensor)
            values = tensor.real[0].T if self._rows_first else tensor.real[0]
            boxes = yolo_boxes.boxes_of(values[:, :4], self._form_of(values[:, :4]), self._size, "yolov8")
            scores = probabilities(np.ascontiguousarray(values[:, 4:]), self._output.name, yolo_boxes.REMEDY)
            return Candidates(boxes, scores)

    def _detections(self, tensor: Tensor) -> Candidates:
        """Return what a graph that suppresses gives; rows with a score of 0 fill the table up."""
        rows = tensor.real.reshape(-1, 6)
        rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 4] > 0)]
        numbers = np.round(rows[:, 5]).astype(np.int64)
        most = self.classes or MOST_CLASSES
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= most):
            raise InputError(
                f"output {self._output.name!r} must give classes from 0 to {most - 1} in its last column, "
                f"got {numbers.min()} to {numbers.max()}"
            )
        columns = self.classes or int(numbers.max(initial=0)) + 1
        scores = np.zeros((len(rows), columns), np.float32)
        scores[np.arange(len(rows)), numbers] = probabilities(rows[:, 4], self._output.name, yolo_boxes.REMEDY)
        scale = np.asarray(self._size * 2 if self._form_of(rows[:, :4]) == "fractions" else (1,) * 4, np.float32)
        return Candidates(rows[:, :4] * scale, scores, suppressed=True)

    def _form_of(self, boxes: Any) -> str:
        if self._form != "auto":
            return self._form
        return "fractions" if yolo_boxes.are_fractions(boxes) else "pixels"


def _rows_first(shape: tuple[int, ...], layout: str) -> bool:
    if layout != "auto" or len(shape) != 3:
        return layout == "rows_first"
    return shape[1] < shape[2]


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("yolov8", outputs, "detections", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: one box at each place of the grids, or a table of six columns."""
    size = size_of_input(inputs)
    if size is None or len(outputs) != 1 or len(outputs[0].shape) != 3:
        return None
    found = _told(size, outputs[0].shape)
    if found is None:
        return None
    parameters, reason = found
    return Recognized(
        TaskSpec("detect", "yolov8", {**parameters, "best_class_only": True}),
        ("detections",),
        reason,
        yolo_boxes.YOLO_PIXELS,
    )


def _told(size: Size, shape: tuple[int, ...]) -> tuple[dict[str, Any], str] | None:
    """Return the parameters that the shape tells, and the reason."""
    for layout, rows, n in (("rows_first", shape[1], shape[2]), ("rows_last", shape[2], shape[1])):
        if yolo_boxes.strides_for(size, n) and rows >= 5 and rows != POSE_ROWS:
            return {"layout": layout}, f"{n} boxes of YOLO without objectness and {rows - 4} classes in one output"
    if shape[2] == 6 and shape[1] <= MOST_END_TO_END:
        return {"end_to_end": True}, f"a table of up to {shape[1]} boxes with score and class"
    return None
