"""YOLO heads without objectness, by hand."""

import numpy as np
import pytest

from edge.decoders.select import Selection, select
from edge.decoders.yolov8 import Yolov8, recognize
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (96, 64)
ROWS = np.array(
    [[48, 32, 20, 10, 0.8, 0.2, 0.1], [10, 20, 4, 8, 0.1, 0.9, 0.3], *[[90, 60, 5, 5, 0, 0, 0.1]] * 8], np.float32
)
BOXES = [[38, 27, 58, 37], [8, 16, 12, 24]]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("scale", [(1, 1, 1, 1), (96, 64, 96, 64)], ids=["pixels", "fractions"])
def test_both_layouts_and_both_units(transposed, scale):
    rows = ROWS.copy()
    rows[:, :4] /= scale
    found = decode("yolov8", {"o": ("detections", [rows if transposed else rows.T])}, SIZE)
    np.testing.assert_allclose(found.boxes[:2], BOXES, rtol=1e-5)
    np.testing.assert_array_equal(found.scores, ROWS[:, 4:])
    assert not found.suppressed


def test_the_layout_can_be_said():
    rows = ROWS[:3]  # three boxes of seven rows: the longer axis is the rows'
    found = decode("yolov8", {"o": ("detections", [rows])}, SIZE, layout="rows_last")
    np.testing.assert_allclose(found.boxes[:2], BOXES)
    found = decode("yolov8", {"o": ("detections", [rows.T])}, SIZE, layout="rows_first")
    np.testing.assert_allclose(found.boxes[:2], BOXES)


def test_the_unit_can_be_said():
    tiny = np.array([[0.5, 0.5, 1, 1, 0.9]] * 6, np.float32)
    outputs = {"o": ("detections", [tiny.T])}
    np.testing.assert_allclose(decode("yolov8", outputs, SIZE, coordinates="pixels").boxes[0], [0, 0, 1, 1])
    np.testing.assert_allclose(decode("yolov8", outputs, SIZE).boxes[0], [0, 0, 96, 64])


@pytest.mark.parametrize("scale", [(1, 1, 1, 1), (96, 64, 96, 64)], ids=["pixels", "fractions"])
def test_end_to_end(scale):
    rows = np.array([[38, 27, 58, 37, 0.9, 5], [39, 27, 58, 37, 0.8, 0], [0, 0, 0, 0, 0, 0]], np.float32)
    rows[:, :4] /= scale
    found = decode("yolov8", {"o": ("detections", [rows])}, SIZE, end_to_end=True)
    assert found.suppressed
    chosen = select(found, Selection(nms="class_agnostic"))
    np.testing.assert_allclose(chosen.boxes, [[38, 27, 58, 37], [39, 27, 58, 37]], rtol=1e-5)
    assert chosen.classes.tolist() == [5, 0]
    known = decode("yolov8", {"o": ("detections", [rows])}, SIZE, end_to_end=True, classes=80)
    assert known.scores.shape == (2, 80)
    with pytest.raises(InputError, match="classes from 0 to 3 in its last column, got 0 to 5"):
        decode("yolov8", {"o": ("detections", [rows])}, SIZE, end_to_end=True, classes=4)


def test_an_empty_end_to_end_table_is_no_detection():
    found = decode("yolov8", {"o": ("detections", np.zeros((1, 300, 6)))}, SIZE, end_to_end=True)
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0, 1))


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ((1, 4, 8400), {}, r"takes an output \(1, 4 \+ classes, n\) or \(1, n, 4 \+ classes\), got o \(1, 4, 8400\)"),
        ((1, 300, 7), {"end_to_end": True}, r"takes an output \(1, n, 6\), got o \(1, 300, 7\)"),
        ((8400, 84), {}, "takes an output"),
        ((1, 84, 8400), {"coordinates": "grid"}, "coordinates must be one of auto, pixels, fractions"),
    ],
)
def test_what_does_not_fit_is_refused(shape, parameters, words):
    with pytest.raises(InputError, match=words):
        Yolov8(signature("yolov8", {"o": ("detections", shape)}, SIZE, **parameters))


@pytest.mark.parametrize(
    ("size", "shape", "parameters"),
    [
        pytest.param((640, 640), (1, 84, 8400), {"layout": "rows_first"}, id="COCO"),
        pytest.param((640, 640), (1, 8400, 84), {"layout": "rows_last"}, id="transposed"),
        pytest.param((320, 320), (1, 5, 2100), {"layout": "rows_first"}, id="one class"),
        pytest.param((640, 384), (1, 7, 5040), {"layout": "rows_first"}, id="not square"),
        pytest.param((640, 640), (1, 6, 34000), {"layout": "rows_first"}, id="P2"),
        pytest.param((640, 640), (1, 300, 6), {"end_to_end": True}, id="end to end"),
        pytest.param((96, 96), (1, 189, 6), {"layout": "rows_last"}, id="a grid, although of six columns"),
        pytest.param((640, 640), (1, 56, 8400), None, id="a pose network of COCO"),
        pytest.param((640, 640), (1, 84, 8401), None, id="one box too many"),
        pytest.param((640, 640), (1, 4, 8400), None, id="no class"),
        pytest.param((640, 640), (1, 1000), None, id="a vector"),
    ],
)
def test_recognized_by_the_number_of_boxes(size, shape, parameters):
    found = recognize([image(size)], [spec("o", shape)], (None,))
    if parameters is None:
        assert found is None
    else:
        assert found.task.parameters == {**parameters, "best_class_only": True}
        assert found.input["std"] == (255.0,)
