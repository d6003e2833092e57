"""BlazeFace against MediaPipe's anchor calculator and loop, and the published file."""

import math

import cv2
import numpy as np
import pytest

import edge
from edge.decoders.blazeface import PUBLISHED, BlazeFace, recognize, roles
from edge.decoders.select import overlaps
from edge.errors import InputError
from tests.decoders.heads import assert_found, decode, detections, image, run, signature, spec
from tests.shared import needs_shared, shared


def mediapipe_centres(side, strides, interpolated):
    """Return x, y of the anchors as ssd_anchors_calculator.cc makes them: layers of one stride share their places.

    Aspect ratio 1, fixed size; a second box a place and layer for the interpolated scale.
    """
    found, layer = [], 0
    while layer < len(strides):
        last = layer
        while last < len(strides) and strides[last] == strides[layer]:
            last += 1
        boxes = (last - layer) * (2 if interpolated else 1)
        cells = math.ceil(side / strides[layer])
        for y in range(cells):
            for x in range(cells):
                found += [((x + 0.5) / cells, (y + 0.5) / cells)] * boxes
        layer = last
    return np.array(found)


OPTIONS = {
    "faces, front or short range": (128, (8, 16, 16, 16), True, 6, 896),
    "faces, back": (256, (16, 32, 32, 32), True, 6, 896),
    "faces, full range": (192, (4,), False, 6, 2304),
    "palms": (192, (8, 16, 16, 16), True, 7, 2016),
    "palms, before 2021": (256, (8, 16, 32, 32, 32), True, 7, 2944),
    "poses": (224, (8, 16, 32, 32, 32), True, 4, 2254),
    "poses, before 2021": (128, (8, 16, 16, 16), True, 4, 896),
}
"""Side, strides, whether a second box is interpolated, landmarks and boxes, of MediaPipe's graphs
face_detection_{short,full}_range, palm_detection_cpu and pose_detection_cpu."""


@pytest.mark.parametrize("detector", PUBLISHED, ids=lambda d: d.name)
def test_every_row_is_decoded_as_mediapipe_does(detector):
    *how, marks, n = OPTIONS[detector.name]
    centres, side = mediapipe_centres(*how), detector.side
    assert (len(centres), detector.count, detector.points, side) == (n, n, marks, how[0])
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 20, (n, 4 + 2 * marks)).astype(np.float32)
    logits = rng.normal(0, 3, (n, 1)).astype(np.float32)
    logits[0], logits[1] = 500, -500  # clipped at 100
    outputs = {"r": ("boxes", [raw]), "c": ("scores", [logits])}
    found = decode("blazeface", outputs, (side, side), **detector.parameters)
    for row in (0, 1, 2, 700, n - 1):
        x, y = raw[row, :2] / side + centres[row]
        w, h = raw[row, 2:4] / side
        np.testing.assert_allclose(
            found.boxes[row] / side, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], rtol=1e-4, atol=1e-5
        )
        for k in range(marks):
            mark = raw[row, 4 + 2 * k : 6 + 2 * k] / side + centres[row]
            np.testing.assert_allclose(found.points[row, k], [*mark * side, 1], rtol=1e-4, atol=1e-3)
        value = max(-100.0, min(100.0, float(logits[row, 0])))
        np.testing.assert_allclose(found.scores[row, 0], 1 / (1 + math.exp(-value)), rtol=1e-5, atol=1e-30)


def test_without_landmarks_there_are_no_points():
    outputs = {"r": ("boxes", np.zeros((1, 4, 4))), "c": ("scores", np.zeros((1, 4, 1)))}
    found = decode("blazeface", outputs, (16, 16), grids=[[2, 1]], points=0)
    assert found.points is None
    np.testing.assert_allclose(found.boxes[3], [12, 12, 12, 12])


@pytest.mark.parametrize(
    ("boxes", "scores", "parameters", "words"),
    [
        ((1, 896, 18), (1, 896, 1), {}, r"896 anchors and 6 landmarks takes boxes \(1, 896, 16\).*got \(1, 896, 18\)"),
        ((1, 895, 16), (1, 895, 1), {}, r"got \(1, 895, 16\) and \(1, 895, 1\)"),
        ((1, 896, 16), (1, 896, 1), {"grids": [[16]]}, "grids must be rows of cells a side and boxes a cell"),
        ((1, 896, 16), (1, 896, 1), {"grids": "all"}, "grids must be rows"),
        ((1, 896, 16), (1, 896, 1), {"points": -1}, "points must be a whole number from 0"),
        ((1, 896, 16), (1, 896, 1), {"label": ""}, "label must be a word, got ''"),
        ((1, 896, 16), (1, 896, 1), {"label": ["a"]}, "label must be a word"),
    ],
)
def test_what_does_not_fit_is_refused(boxes, scores, parameters, words):
    with pytest.raises(InputError, match=words):
        BlazeFace(signature("blazeface", {"r": ("boxes", boxes), "c": ("scores", scores)}, (128, 128), **parameters))


def test_roles_and_recognition():
    rows = [spec("classificators", (1, 896, 1)), spec("regressors", (1, 896, 16))]
    assert roles(rows) == ("scores", "boxes")
    assert recognize([image((128, 128))], rows, ("linear", "linear")).task.parameters["grids"] == [[16, 2], [8, 6]]
    assert recognize([image((256, 256))], rows, ("linear", "linear")) is not None
    assert recognize([image((192, 192))], rows, ("linear", "linear")) is None


@pytest.mark.parametrize(
    ("side", "n", "columns", "label", "mean"),
    [
        pytest.param(192, 2016, 18, "palm", 0, id="palms"),
        pytest.param(256, 2944, 18, "palm", 0, id="palms, before 2021"),
        pytest.param(224, 2254, 12, "pose", 127.5, id="poses"),
        pytest.param(128, 896, 12, "pose", 127.5, id="poses, before 2021"),
        pytest.param(128, 896, 16, "face", 127.5, id="faces"),
    ],
)
def test_the_number_of_boxes_and_landmarks_tells_what_is_found(side, n, columns, label, mean):
    rows = [spec("Identity", (1, n, columns)), spec("Identity_1", (1, n, 1))]
    found = recognize([image((side, side))], rows, ("linear", "linear"))
    assert (found.roles, found.input["mean"], found.input["resize"]) == (("boxes", "scores"), (mean,), "letterbox")
    shapes = {"b": ("boxes", (1, n, columns)), "s": ("scores", (1, n, 1))}
    assert BlazeFace(signature("blazeface", shapes, (side, side), **found.task.parameters)).labels == (label,)
    assert recognize([image((side, side))], [rows[0], spec("s", (1, n, 2))], ("linear", "linear")) is None


@needs_shared
def test_a_wide_picture_keeps_its_proportions():
    """A face as wide as it is high stays so; stretched to the square input its box comes out 1.8 times as wide."""
    path, picture = shared("models", "wild", "face_detection_front.tflite"), shared("images", "grace_hopper.bmp")
    wide = cv2.copyMakeBorder(cv2.imread(str(picture)), 0, 0, 200, 360, cv2.BORDER_REPLICATE)
    with edge.load(path) as network:
        (face,) = network(wide).predictions
    x0, y0, x1, y1 = face.box
    assert 0.95 < (x1 - x0) / (y1 - y0) < 1.05
    assert overlaps(np.float32([[x0, y0, x1, y1]]), np.float32([[373, 137, 558, 354]]))[0, 0] > 0.8


@needs_shared
def test_the_published_detector():
    found = detections("face_detection_front.tflite", "grace_hopper.bmp")
    assert_found(found, (173, 137, 358, 354), 0.915)
    assert len(found[1]) == 1


@needs_shared
def test_the_landmarks_lie_where_they_are_in_a_face():
    path, picture = shared("models", "wild", "face_detection_front.tflite"), shared("images", "grace_hopper.bmp")
    candidates, _, placement = run(path, picture)
    eye_right, eye_left, nose, mouth = placement.to_frame(candidates.points[candidates.scores.argmax(), :4, :2])
    assert 173 < eye_right[0] < nose[0] < eye_left[0] < 358
    assert 137 < eye_right[1] < nose[1] < mouth[1] < 354
    assert abs(eye_right[1] - eye_left[1]) < 20
