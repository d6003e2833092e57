"""The steps behind a decoder against loops written out plainly, TensorFlow's suppression and values by hand."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.base import Candidates
from edge.decoders.select import Selection, above, clip, overlaps, select, soften, suppress, top
from edge.errors import InputError


def overlap(a, b):
    """Intersection over union of two boxes, in Python numbers."""
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    common = height * width
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0


def plain(boxes, scores, most):
    """Take boxes best first; one stays unless one that stayed overlaps it by more than ``most``."""
    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        if all(overlap(boxes[row], boxes[other]) <= most for other in kept):
            kept.append(row)
    return kept


def plain_soft(boxes, scores, weight):
    """Bodla et al. 2017, figure 2: take the best, lower the others by ``weight`` of the overlap, and so on."""
    scores, left = list(scores), list(range(len(scores)))
    while left:
        best = max(left, key=lambda row: (scores[row], -row))
        left.remove(best)
        for row in left:
            scores[row] *= weight(overlap(boxes[best], boxes[row]))
    return scores


@st.composite
def boxes_and_scores(draw):
    """Corners on a grid of 1/16, whose areas and sums float32 holds exactly, so that no tie is decided by rounding."""
    low, side = st.integers(0, 12), st.integers(1, 8)
    rows = draw(st.lists(st.tuples(low, low, side, side, st.integers(0, 8)), max_size=25))
    table = np.array(rows, np.float32).reshape(-1, 5)
    return np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1) / 16, table[:, 4] / 8


@given(boxes_and_scores(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
@settings(max_examples=200, deadline=None)
def test_suppression_is_what_the_plain_loop_does(drawn, most):
    boxes, scores = drawn
    assert list(suppress(boxes, scores, most)) == plain(boxes.tolist(), scores.tolist(), most)


@given(boxes_and_scores(), st.sampled_from([0.25, 0.5]))
@settings(max_examples=100, deadline=None)
def test_what_stays_does_not_overlap_and_what_goes_overlaps_a_better_one(drawn, most):
    boxes, scores = drawn
    kept = list(suppress(boxes, scores, most))
    for position, row in enumerate(kept):
        assert all(overlap(boxes[row], boxes[other]) <= most + 1e-6 for other in kept[:position])
    for row in set(range(len(boxes))) - set(kept):
        assert any(scores[k] >= scores[row] and overlap(boxes[row], boxes[k]) > most - 1e-6 for k in kept)
    again = suppress(boxes[kept], scores[kept], most)
    assert list(again) == list(range(len(kept)))  # once more changes nothing


@given(boxes_and_scores())
@settings(max_examples=100, deadline=None)
def test_overlaps_are_those_of_two_boxes_each(drawn):
    boxes, _ = drawn
    expected = [[overlap(a, b) for b in boxes.tolist()] for a in boxes.tolist()]
    np.testing.assert_allclose(overlaps(boxes, boxes), np.reshape(expected, (len(boxes), len(boxes))), atol=1e-6)


@given(boxes_and_scores(), st.sampled_from([0.25, 0.5]), st.sampled_from([0.1, 0.5]), st.randoms())
@settings(max_examples=100, deadline=None)
def test_soft_suppression_is_what_the_plain_loop_does(drawn, iou, sigma, random):
    boxes, _ = drawn
    # Of equal scores float32 rounding may lower either one first, so that they all differ, by irregular amounts.
    scores = np.array([random.uniform(0.05, 1) for _ in boxes], np.float32)
    forms = {
        "soft_linear": lambda o: 1 - o if o >= iou else 1,
        "soft_gaussian": lambda o: float(np.exp(-(o**2) / sigma)),
    }
    for nms, weight in forms.items():
        found = soften(boxes, scores, Selection(iou_threshold=iou, nms=nms, sigma=sigma))
        expected = plain_soft(boxes.tolist(), scores.tolist(), weight)
        # Products of up to 25 float32 factors.
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_suppression_by_hand():
    # The second overlaps the first by 0.8 / 1.2 = 2/3, the third by 0.5 / 1.5 = 1/3.
    boxes = np.array([[0, 0, 1, 1], [0, 0.2, 1, 1.2], [0, 0.5, 1, 1.5]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert list(suppress(boxes, scores, 0.5)) == [0, 2]
    assert list(suppress(boxes, scores, 0.3)) == [0]
    assert list(suppress(boxes, scores, 0.7)) == [0, 1, 2]
    assert list(suppress(boxes, scores[::-1], 0.5)) == [2, 0]


TWO = np.array([[0, 0, 10, 10], [0, 1, 10, 11], [20, 20, 30, 30]], np.float32)
"""The first two overlap by 90 / 110 = 9/11."""


def candidates(*scores, **more):
    return Candidates(TWO[: len(scores)], np.array(scores, np.float32), **more)


def test_the_steps_by_hand():
    found = select(candidates([0.9, 0.1], [0.8, 0.2], [0.1, 0.7]), Selection())
    np.testing.assert_array_equal(found.boxes, TWO[[0, 2]])
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    assert found.classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("nms", "rows", "scores"),
    [
        pytest.param("per_class", [(0, 0), (1, 1)], [0.9, 0.8], id="classes do not suppress each other"),
        pytest.param("class_agnostic", [(0, 0)], [0.9], id="boxes of any class suppress each other"),
        pytest.param("none", [(0, 0), (1, 1), (0, 1), (1, 0)], [0.9, 0.8, 0.4, 0.35], id="all stay"),
        pytest.param("soft_linear", [(0, 0), (1, 1)], [0.9, 0.8], id="lowered by 2/11, below the threshold"),
        # exp(-(9/11)^2 / 2) is 0.7155
        pytest.param("soft_gaussian", [(0, 0), (1, 1)], [0.9, 0.8], id="0.4 and 0.35 fall below 0.3"),
    ],
)
def test_every_suppression(nms, rows, scores):
    how = Selection(nms=nms, score_threshold=0.3, sigma=2.0)
    found = select(candidates([0.9, 0.4], [0.35, 0.8]), how)
    assert list(zip([0 if b[1] == 0 else 1 for b in found.boxes], found.classes.tolist(), strict=True)) == rows
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)


def test_soft_suppression_lowers_scores():
    found = select(candidates([0.9], [0.8], [0.7]), Selection(nms="soft_linear", score_threshold=0.1))
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.8 * 2 / 11], rtol=1e-5)


def test_what_the_graph_has_suppressed_is_not_suppressed_again():
    found = select(candidates([0.9], [0.8], suppressed=True), Selection(iou_threshold=0.1))
    assert len(found.scores) == 2


def test_best_class_only_reports_a_box_once():
    both = candidates([0.5, 0.6], [0.2, 0.1])
    assert above(both, 0.3).classes.tolist() == [1, 0]
    assert above(both, 0.3, best_class_only=True).classes.tolist() == [1]
    assert above(candidates([0.5, 0.5]), 0.3, best_class_only=True).classes.tolist() == [0]


def test_the_best_are_kept():
    found = top(above(candidates([0.5], [0.7], [0.6]), 0.1), 2)
    np.testing.assert_allclose(found.scores, [0.7, 0.6])


def test_boxes_are_cut_at_the_picture():
    boxes = np.array([[-5, 2, 8, 40], [40, 2, 50, 4]], np.float32)
    cut = clip(Candidates(boxes, np.ones((2, 1), np.float32)), 30, 20)
    np.testing.assert_array_equal(cut.boxes, [[0, 2, 8, 20], [30, 2, 30, 4]])
    assert len(above(cut, 0.5).scores) == 1  # nothing is left of the second


def test_points_go_with_their_boxes():
    points = np.arange(18, dtype=np.float32).reshape(3, 2, 3)
    for nms in ("per_class", "class_agnostic", "soft_linear", "none"):
        found = select(candidates([0.6], [0.1], [0.9], points=points), Selection(nms=nms))
        np.testing.assert_array_equal(found.points, points[[2, 0]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_broken_model_makes_no_box_that_is_no_box(value):
    broken = TWO.copy()
    broken[0, 2] = value
    scores = np.array([[0.9], [np.nan], [0.8]], np.float32)
    for best in (False, True):
        found = select(Candidates(broken, scores), Selection(best_class_only=best))
        np.testing.assert_array_equal(found.boxes, TWO[2:])


def test_nothing_above_the_threshold_is_no_detection():
    found = select(candidates([0.25, 0.25], [0.1, 0.2]), Selection())
    assert (found.boxes.shape, found.scores.shape, found.classes.shape) == ((0, 4), (0,), (0,))
    nothing = Candidates(np.empty((0, 4), np.float32), np.empty((0, 3), np.float32))
    assert len(select(nothing, Selection(nms="class_agnostic")).scores) == 0


def test_parameters_are_read():
    how = Selection.of({"score_threshold": 0.5, "iou_threshold": 0.6, "max_detections": 7, "nms": "soft_gaussian"})
    assert how == Selection(0.5, 0.6, 7, "soft_gaussian")
    assert Selection.of({"anchors": 1}) == Selection()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"score_threshold": 1.5}, "score_threshold must be a number from 0 to 1, got 1.5"),
        ({"score_threshold": "high"}, "score_threshold must be a number from 0 to 1, got 'high'"),
        ({"iou_threshold": float("nan")}, "iou_threshold must be a number from 0 to 1, got nan"),
        ({"iou_threshold": True}, "iou_threshold must be a number"),
        ({"max_detections": 0}, "max_detections must be a whole number"),
        ({"max_detections": 2.5}, "max_detections must be a whole number from 1 to 100000, got 2.5"),
        ({"nms": "hard"}, "nms must be one of per_class, class_agnostic, soft_linear, soft_gaussian, none, got 'hard'"),
        ({"best_class_only": 1}, "best_class_only must be true or false, got 1"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, words):
    with pytest.raises(InputError, match=words):
        Selection.of(parameters)


def test_the_first_frame_imports_nothing():
    code = (
        "import sys, numpy as np; from edge.decoders.select import *; from edge.decoders.base import Candidates\n"
        "before = set(sys.modules)\n"
        "boxes = np.array([[0, 0, 9, 9], [1, 1, 9, 9]], np.float32); scores = np.full((2, 2), 0.5, np.float32)\n"
        "for nms in NMS: select(Candidates(boxes, scores), Selection(nms=nms))\n"
        "print(sorted(set(sys.modules) - before))"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_device_finds_what_training_reported():
    pytest.importorskip("tensorflow")
    from edge.decoders import anchors as boxes_of
    from edge.models.training.detection import detection_task

    rng = np.random.default_rng(1)
    anchors = boxes_of.anchors((96, 128, 3), (16, 32), (1.5,), (0.2, 0.5))
    offsets = rng.normal(0, 2, (len(anchors), 4)).astype(np.float32)
    scores = rng.dirichlet([1, 0.4, 0.4], len(anchors)).astype(np.float32)
    theirs = detection_task.detections_of(offsets, scores, anchors)
    boxes = clip(Candidates(boxes_of.decode(offsets, anchors), scores[:, 1:]), 1, 1)
    thresholds = (detection_task.SCORE_THRESHOLD, detection_task.IOU_THRESHOLD, detection_task.MAX_DETECTIONS)
    ours = select(boxes, Selection(*thresholds))
    assert len(ours.scores) > 50
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-6)


def test_overlaps_by_hand():
    first = np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2]], np.float32)
    second = np.array([[0, 0.5, 1, 1.5], [0, 0, 1, 1]], np.float32)
    np.testing.assert_allclose(overlaps(first, second), [[1 / 3, 1], [0, 0.25], [0, 0]], atol=1e-6)
