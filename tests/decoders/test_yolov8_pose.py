"""YOLO's keypoints by hand: boxes, scores, suppression and both layouts."""

import numpy as np
import pytest

from edge.decoders.yolov8_pose import Yolov8Pose, recognize
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (64, 48)
PLACES = np.float32(
    [
        [20, 20, 10, 8, 0.9, 18, 19, 0.8, 22, 21, 1.5],
        [21, 20, 10, 8, 0.7, 0, 0, 0.5, 0, 0, 0.5],  # overlaps the first by 9 / 11
        [50, 30, 8, 8, 0.4, 48, 29, 0.3, 52, 31, -0.1],
        [40, 40, 8, 8, 0.1, 1, 1, 0.3, 1, 1, 0.1],  # below the threshold
        *[[2, 2, 4, 4, 0.0] + [0] * 6] * 16,
    ]
)
"""Centre, sides, score, and x, y and score of two keypoints."""


@pytest.mark.parametrize("layout", ["rows first", "rows last"])
@pytest.mark.parametrize("scale", [1, np.float32([64, 48])], ids=["pixels", "fractions"])
def test_instances_by_hand(layout, scale):
    places = PLACES.copy()
    for column in (0, 2, 5, 8):
        places[:, column : column + 2] /= scale
    rows = places.T[None] if layout == "rows first" else places[None]
    found = decode("yolov8_pose", {"o": ("points", rows)}, SIZE)
    np.testing.assert_allclose(found.scores, [0.9, 0.4], rtol=1e-6)
    np.testing.assert_allclose(found.boxes, [[15, 16, 25, 24], [46, 26, 54, 34]], rtol=1e-5)
    expected = [[[18, 19, 0.8], [22, 21, 1]], [[48, 29, 0.3], [52, 31, 0]]]
    np.testing.assert_allclose(found.points, expected, rtol=1e-5)


def test_the_thresholds_are_parameters():
    rows = {"o": ("points", PLACES[None])}
    assert decode("yolov8_pose", rows, SIZE, iou_threshold=0.9).scores.tolist() == pytest.approx([0.9, 0.7, 0.4])
    assert decode("yolov8_pose", rows, SIZE, score_threshold=0.05).scores.tolist() == pytest.approx([0.9, 0.4, 0.1])
    assert decode("yolov8_pose", rows, SIZE, max_detections=1).scores.tolist() == pytest.approx([0.9])
    assert decode("yolov8_pose", rows, SIZE, score_threshold=0.95).points.shape == (0, 2, 3)


def test_keypoints_without_scores():
    rows = PLACES[:, [0, 1, 2, 3, 4, 5, 6, 8, 9]][None]
    found = decode("yolov8_pose", {"o": ("points", rows)}, SIZE, dimensions=2)
    np.testing.assert_allclose(found.points[0], [[18, 19, 1], [22, 21, 1]])


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ((1, 12, 126), {}, r"with 3 numbers a keypoint takes an output .*got o \(1, 12, 126\)"),
        ((1, 11, 126), {"dimensions": 4}, "dimensions must be a whole number from 2 to 3"),
        ((1, 5, 126), {}, "takes an output"),
        ((2, 11, 126), {}, "takes an output"),
        ((1, 11), {}, "takes an output"),
        ((1, 11, 126), {"iou_threshold": 2}, "iou_threshold must be a number from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(shape, parameters, words):
    with pytest.raises(InputError, match=words):
        Yolov8Pose(signature("yolov8_pose", {"o": ("points", shape)}, SIZE, **parameters))


def test_logits_are_refused():
    with pytest.raises(InputError, match="must give scores from 0 to 1"):
        decode("yolov8_pose", {"o": ("points", (PLACES * [1, 1, 1, 1, 9, *[1] * 6])[None])}, SIZE)


@pytest.mark.parametrize(
    ("size", "shape", "fits"),
    [
        ((640, 640), (1, 56, 8400), True),
        ((640, 640), (1, 8400, 56), True),
        ((640, 640), (1, 56, 8401), False),
        ((640, 640), (1, 57, 8400), False),
    ],
)
def test_recognized_by_coco_s_keypoints(size, shape, fits):
    assert (recognize([image(size)], [spec("o", shape)], (None,)) is not None) == fits
