"""BlazeFace against MediaPipe's anchor calculator and loop, and the published file."""

import math

import numpy as np
import pytest

from edge.decoders.blazeface import PUBLISHED, BlazeFace, recognize, roles
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
    "front or short range": (128, (8, 16, 16, 16), True),
    "back": (256, (16, 32, 32, 32), True),
    "full range": (192, (4,), False),
}
"""Side, strides and whether a second box is interpolated, of face_detection_{short,full}_range.pbtxt."""


@pytest.mark.parametrize("detector", PUBLISHED, ids=lambda d: d.name)
def test_every_row_is_decoded_as_mediapipe_does(detector):
    centres = mediapipe_centres(*OPTIONS[detector.name])
    side, n = detector.side, detector.count
    assert len(centres) == n == {128: 896, 256: 896, 192: 2304}[side]
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 20, (n, 16)).astype(np.float32)
    logits = rng.normal(0, 3, (n, 1)).astype(np.float32)
    logits[0], logits[1] = 500, -500  # clipped at 100
    outputs = {"r": ("boxes", [raw]), "c": ("scores", [logits])}
    grids = [list(grid) for grid in detector.grids]
    found = decode("blazeface", outputs, (side, side), grids=grids)
    for row in (0, 1, 2, 700, n - 1):
        x, y = raw[row, :2] / side + centres[row]
        w, h = raw[row, 2:4] / side
        np.testing.assert_allclose(
            found.boxes[row] / side, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], rtol=1e-4, atol=1e-5
        )
        for k in range(6):
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
