"""YOLO heads with objectness against loops over the published formulas."""

import math

import numpy as np
import pytest

from edge import decoders
from edge.decoders.heads import places
from edge.decoders.yolov5 import ANCHORS, Yolov5, recognize, roles
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (96, 64)
STRIDES = (8, 16, 32)
PLACES = 8 * 12 + 4 * 6 + 2 * 3


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def one(rows, **parameters):
    return decode("yolov5", {"output": ("detections", [rows])}, SIZE, **parameters)


ROWS = np.array([[48, 32, 20, 10, 0.5, 0.8, 0.2], [10, 20, 4, 8, 1.0, 0.1, 0.9]], np.float32)


@pytest.mark.parametrize(
    ("scale", "parameters"),
    [
        pytest.param((1, 1, 1, 1), {}, id="pixels by their values"),
        pytest.param((1, 1, 1, 1), {"coordinates": "pixels"}, id="pixels"),
        pytest.param((96, 64, 96, 64), {}, id="fractions by their values"),
        pytest.param((96, 64, 96, 64), {"coordinates": "fractions"}, id="fractions"),
    ],
)
def test_one_output_by_hand(scale, parameters):
    rows = ROWS.copy()
    rows[:, :4] /= scale
    found = one(rows, **parameters)
    np.testing.assert_allclose(found.boxes, [[38, 27, 58, 37], [8, 16, 12, 24]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [[0.4, 0.1], [0.1, 0.9]], rtol=1e-6)


def test_a_box_that_is_no_number_does_not_decide_for_the_others():
    rows = np.concatenate([ROWS, ROWS])
    rows[:, :4] /= (96, 64, 96, 64)
    rows[2, 0], rows[3, 1] = np.inf, np.nan
    np.testing.assert_allclose(one(rows).boxes[:2], [[38, 27, 58, 37], [8, 16, 12, 24]], rtol=1e-5)


def test_offsets_from_the_grid_as_yolox_gives_them():
    rows = np.random.default_rng(0).normal(0, 1, (PLACES, 7)).astype(np.float32)
    rows[:, 4:] = 0.5
    expected = []
    for stride in STRIDES:
        for y in range(SIZE[1] // stride):
            for x in range(SIZE[0] // stride):
                cx, cy, w, h = rows[len(expected), :4].tolist()
                cx, cy, w, h = (cx + x) * stride, (cy + y) * stride, math.exp(w) * stride, math.exp(h) * stride
                expected.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
    for parameters in ({}, {"coordinates": "grid"}):
        np.testing.assert_allclose(one(rows, **parameters).boxes, expected, rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match=r"an input of 96x64 has 126 or .*, got 125"):
        one(rows[1:])


def raw_heads(rng, columns=7):
    """Return random heads (3, rows, columns, numbers) by stride."""
    return {s: rng.normal(0, 1, (3, SIZE[1] // s, SIZE[0] // s, columns)).astype(np.float32) for s in STRIDES}


def plain(heads):
    """Return boxes and scores of raw heads, one box at a time, by the corner y0, x0 … of each for sorting."""
    found = []
    for level, (stride, head) in enumerate(heads.items()):
        for a in range(3):
            width, height = ANCHORS[level][2 * a : 2 * a + 2]
            for y in range(head.shape[1]):
                for x in range(head.shape[2]):
                    s = [sigmoid(v) for v in head[a, y, x].tolist()]
                    cx, cy = (2 * s[0] - 0.5 + x) * stride, (2 * s[1] - 0.5 + y) * stride
                    w, h = (2 * s[2]) ** 2 * width, (2 * s[3]) ** 2 * height
                    box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
                    found.append(box + [s[4] * c for c in s[5:]])
    return np.array(sorted(found))


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(lambda head: head, id="anchor, row, column, numbers"),
        pytest.param(lambda head: head.transpose(0, 3, 1, 2).reshape(-1, *head.shape[1:3]), id="channels first"),
        pytest.param(lambda head: head.transpose(1, 2, 0, 3).reshape(*head.shape[1:3], -1), id="channels last"),
    ],
)
@pytest.mark.parametrize("order", [STRIDES, STRIDES[::-1]])
def test_raw_heads(layout, order):
    heads = raw_heads(np.random.default_rng(1))
    outputs = {f"head{s}": ("detections", layout(heads[s])[None]) for s in order}
    found = decode("yolov5", outputs, SIZE)
    rows = np.concatenate([found.boxes, found.scores], axis=1).astype(np.float64)
    np.testing.assert_allclose(np.array(sorted(rows.tolist())), plain(heads), rtol=1e-3, atol=1e-3)


def test_anchors_of_ones_own():
    heads = raw_heads(np.random.default_rng(2))
    outputs = {f"head{s}": ("detections", head[None]) for s, head in heads.items()}
    usual = decode("yolov5", outputs, SIZE)
    double = decode("yolov5", outputs, SIZE, anchors=[[2 * v for v in row] for row in ANCHORS])
    sides = [boxes[:, 2:] - boxes[:, :2] for boxes in (usual.boxes, double.boxes)]
    np.testing.assert_allclose(sides[1], 2 * sides[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("shapes", "parameters", "words"),
    [
        ([(1, 10, 5)], {}, r"takes an output \(1, n, 5 \+ classes\), got head0 \(1, 10, 5\)"),
        ([(1, 3, 8, 12, 7)] * 3, {}, "maps of 12x8 cells|maps of 8x12, 4x6, 2x3"),
        ([(1, 3, 8, 12, 7), (1, 3, 4, 6, 7), (1, 3, 2, 3, 8)], {}, "three boxes at each place"),
        ([(1, 3, 8, 12, 7), (1, 3, 4, 6, 7), (1, 3, 2, 3, 7)], {"anchors": [[1, 2]]}, "three rows of three widths"),
        ([(1, 10, 7)], {"coordinates": "metres"}, "coordinates must be one of auto, pixels, fractions, grid"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, parameters, words):
    rows = {f"head{k}": ("detections", shape) for k, shape in enumerate(shapes)}
    with pytest.raises(InputError, match=words):
        Yolov5(signature("yolov5", rows, SIZE, **parameters))


def test_the_number_of_classes():
    assert Yolov5(signature("yolov5", {"a": ("detections", (1, 378, 85))}, SIZE)).classes == 80
    heads = {f"h{s}": ("detections", (1, 24, SIZE[1] // s, SIZE[0] // s)) for s in STRIDES}
    assert decoders.load("yolov5")(signature("yolov5", heads, SIZE)).classes == 3


@pytest.mark.parametrize(
    ("size", "shapes", "reason"),
    [
        pytest.param((640, 640), [(1, 25200, 85)], "25200 boxes .* 80 classes", id="v5"),
        pytest.param((320, 320), [(1, 6300, 6)], "6300 boxes .* 1 classes", id="v5, one class"),
        pytest.param((1280, 1280), [(1, 102000, 85)], "102000 boxes", id="P6"),
        pytest.param((640, 640), [(1, 8400, 85)], "8400 boxes .* 80 classes", id="YOLOX"),
        pytest.param(SIZE, [(1, 3, 8, 12, 7), (1, 3, 4, 6, 7), (1, 3, 2, 3, 7)], "three raw heads", id="raw heads"),
        pytest.param((640, 640), [(1, 25201, 85)], None, id="one box too many"),
        pytest.param((640, 640), [(1, 25200, 5)], None, id="no class"),
        pytest.param((640, 640), [(1, 25200, 85), (1, 32, 160, 160)], None, id="a segmenter's second output"),
    ],
)
def test_recognized_by_the_number_of_boxes(size, shapes, reason):
    import re

    rows = [spec(f"o{k}", shape) for k, shape in enumerate(shapes)]
    found = recognize([image(size)], rows, (None,) * len(rows))
    assert (found is None) == (reason is None)
    if found:
        assert re.search(reason, found.reason)
        assert found.roles == roles(rows)
    assert sum(map(places, [(640, 640)], [STRIDES])) * 3 == 25200
