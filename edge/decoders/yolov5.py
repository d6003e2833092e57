"""YOLO heads with objectness: v3 to v5 and v7 with anchors, YOLOX and v6 without."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from edge.decoders import yolo_boxes
from edge.decoders.activations import probabilities, sigmoid
from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import Size, all_alike, corners_of, grid_sizes, input_size, rows_of, size_of_input, unchecked
from edge.decoders.parameters import choice, numbers
from edge.errors import InputError
from edge.signature import Output, Signature, TaskSpec, describe
from edge.tensors import Outputs, TensorSpec

STRIDES = (8, 16, 32)
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
"""YOLOv5's anchors, width and height in pixels, three for each stride (Jocher, https://github.com/ultralytics/yolov5)."""


class Yolov5:
    """Decodes one output with the role ``detections``, (1, n, 5 + classes), or the three raw heads.

    A row is centre x, centre y, width, height, objectness, a score for each class; the class's score is multiplied by
    the objectness. Three outputs are raw heads at strides 8, 16, 32, each (1, 3, rows, columns, 5 + classes),
    (1, 3 * (5 + classes), rows, columns) or (1, rows, columns, 3 * (5 + classes)): with s the sigmoid of a value, the
    centre is (2 s - 0.5 + place) * stride and the side (2 s)^2 * anchor.

    Parameters:
        coordinates: of the one output's boxes, ``pixels``, ``fractions``, ``grid`` (YOLOX, see
            ``edge.decoders.yolo_boxes``) or ``auto`` (default), which tells them by their values.
        anchors: of the raw heads, three rows of three widths and heights in pixels; default YOLOv5's.
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "yolov5")
        self._outputs = signature.with_role("detections")
        self._form = choice(parameters, "coordinates", "auto", yolo_boxes.FORMS)
        if len(self._outputs) == 1:
            self._columns = _columns(self._outputs[0])
        else:
            self._anchors = _anchors(parameters.get("anchors", ANCHORS))
            self._columns = self._raw_columns(signature)
        self.classes: int = self._columns - 5
        self.logits = tuple(output.name for output in self._outputs) if len(self._outputs) > 1 else ()

    def _raw_columns(self, signature: Signature) -> int:
        """Check three raw heads and return how many numbers a box has."""
        found = [_head_columns(output, self._size) for output in self._outputs]
        strides = [head[0] for head in found if head]
        if sorted(strides) != list(STRIDES) or len({head[1] for head in found if head}) != 1:
            sizes = ", ".join(f"{rows}x{columns}" for rows, columns in grid_sizes(self._size, STRIDES))
            raise InputError(
                "decoder yolov5 takes one output (1, n, 5 + classes), or three with three boxes at each place of maps "
                f"of {sizes}; got {describe(signature.outputs)}"
            )
        return next(head[1] for head in found if head)

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            if len(self._outputs) == 1:
                rows = rows_of(outputs[self._outputs[0].name], self._columns)
                boxes = yolo_boxes.boxes_of(rows[:, :4], self._form, self._size, "yolov5")
                scores = probabilities(rows[:, 4:], self._outputs[0].name, yolo_boxes.REMEDY)
            else:
                parts = [self._head(output, outputs) for output in self._outputs]
                boxes, rows = (np.concatenate(part) for part in zip(*parts, strict=True))
                scores = rows[:, 4:]
            return Candidates(boxes, scores[:, :1] * scores[:, 1:])

    def _head(self, output: Output, outputs: Outputs) -> tuple[Floats, Floats]:
        """Return boxes and rows of one raw head, the rows after the sigmoid."""
        head = _head_columns(output, self._size)
        assert head is not None  # the constructor has looked
        stride = head[0]
        height, width = grid_sizes(self._size, (stride,))[0]
        values = sigmoid(_by_place(outputs[output.name].real, (height, width), self._columns))
        y, x = np.mgrid[0:height, 0:width]
        place = np.stack([x, y], axis=-1)[:, :, None]
        centres = (2 * values[..., :2] - 0.5 + place) * stride
        sides = (2 * values[..., 2:4]) ** 2 * self._anchors[STRIDES.index(stride)]
        return corners_of(centres.reshape(-1, 2), sides.reshape(-1, 2)), values.reshape(-1, self._columns)


def _columns(output: Output) -> int:
    if len(output.shape) != 3 or output.shape[0] != 1 or output.shape[2] < 6:
        raise InputError(f"decoder yolov5 takes an output (1, n, 5 + classes), got {output.name} {output.shape}")
    return output.shape[2]


def _anchors(value: Any) -> Floats:
    rows = value if isinstance(value, list | tuple) else ()
    if len(rows) != 3:
        raise InputError(f"parameter anchors must be three rows of three widths and heights, got {value!r}")
    found = [numbers({"anchors": list(row) if isinstance(row, tuple) else row}, "anchors", (), 6) for row in rows]
    return np.asarray(found, np.float32).reshape(3, 3, 2)


def _head_columns(output: Any, size: Size) -> tuple[int, int] | None:
    """Return the stride of a raw head and how many numbers a box has; None when it is no raw head."""
    shape = output.shape[1:]
    for stride, (rows, columns) in zip(STRIDES, grid_sizes(size, STRIDES), strict=True):
        if len(shape) == 4 and shape[:3] == (3, rows, columns):
            return stride, shape[3]
        if len(shape) == 3 and shape[1:] == (rows, columns) and shape[0] % 3 == 0:
            return stride, shape[0] // 3
        if len(shape) == 3 and shape[:2] == (rows, columns) and shape[2] % 3 == 0:
            return stride, shape[2] // 3
    return None


def _by_place(values: Floats, place: tuple[int, int], columns: int) -> Any:
    """Return (rows, columns, 3, numbers) of a raw head in any of its three layouts."""
    inside = values[0]
    if inside.ndim == 4:
        return inside.transpose(1, 2, 0, 3)
    if inside.shape[1:] == place and inside.shape[0] == 3 * columns:
        return inside.reshape(3, columns, *place).transpose(2, 3, 0, 1)
    return inside.reshape(*place, 3, columns)


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("yolov5", outputs, "detections", (1, 3))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: three boxes at each place of the grids, or one, with at least one class."""
    size = size_of_input(inputs)
    if size is None:
        return None
    reason = _reason(size, outputs)
    if reason is None:
        return None
    return Recognized(
        TaskSpec("detect", "yolov5", {"best_class_only": True}),
        roles(outputs),
        reason,
        yolo_boxes.YOLO_PIXELS,
    )


def _reason(size: Size, outputs: Sequence[TensorSpec]) -> str | None:
    shapes = [output.shape for output in outputs]
    if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] >= 6:
        _, n, columns = shapes[0]
        boxes = next((k for k in (3, 1) if yolo_boxes.strides_for(size, n, k)), None)
        return f"{n} boxes of YOLO with objectness and {columns - 5} classes in one output" if boxes else None
    heads = [_head_columns(output, size) for output in outputs]
    found = {head for head in heads if head}
    if len(outputs) == 3 and len(found) == 3 and min(columns for _, columns in found) >= 6:
        return "three raw heads of YOLO with objectness"
    return None
