"""Decoding and suppression against loops written out plainly, TensorFlow's suppression and values by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError
from edge.tasks.nms import decode, detections, suppress

ANCHORS = np.array([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5], [0.5, 0.5, 0.2, 0.2]], np.float32)


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


def test_suppression_by_hand():
    # The second overlaps the first by 0.8 / 1.2 = 2/3, the third by 0.5 / 1.5 = 1/3.
    boxes = np.array([[0, 0, 1, 1], [0, 0.2, 1, 1.2], [0, 0.5, 1, 1.5]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert list(suppress(boxes, scores, 0.5)) == [0, 2]
    assert list(suppress(boxes, scores, 0.3)) == [0]
    assert list(suppress(boxes, scores, 0.7)) == [0, 1, 2]
    assert list(suppress(boxes, scores[::-1], 0.5)) == [2, 0]


def test_offsets_by_hand():
    offsets = np.array([[1.0, -2.0, 0.0, np.log(2) / 0.2]], np.float32)
    # centre 0.25 + 0.1 * 0.5, 0.25 - 0.2 * 0.5; 0.5 high, 1.0 wide
    np.testing.assert_allclose(decode(offsets, ANCHORS[:1]), [[0.05, -0.35, 0.55, 0.65]], atol=1e-6)


def scores_of(*rows):
    return np.array(rows, np.float32)


def test_detections_by_hand():
    found = detections(
        np.zeros((3, 4), np.float32), scores_of([0.1, 0.9, 0], [0.2, 0.1, 0.7], [0.8, 0.1, 0.1]), ANCHORS
    )
    np.testing.assert_allclose(found.boxes, [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], atol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9, 0.7])
    assert found.classes.tolist() == [0, 1]


def test_classes_do_not_suppress_each_other():
    offsets = np.zeros((2, 4), np.float32)
    both = ANCHORS[[0, 0]]
    assert detections(offsets, scores_of([0, 0.9, 0.1], [0, 0.8, 0.2]), both).classes.tolist() == [0]
    assert detections(offsets, scores_of([0, 0.9, 0.1], [0, 0.2, 0.8]), both).classes.tolist() == [0, 1]
    assert detections(offsets[:1], scores_of([0, 0.5, 0.5]), both[:1]).classes.tolist() == [0, 1]


def test_boxes_are_cut_at_the_image_and_the_best_are_kept():
    offsets = np.array([[-8, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    found = detections(offsets, scores_of([0, 0.5], [0, 0.6], [0, 0.7]), ANCHORS, most=2)
    assert found.scores.tolist() == pytest.approx([0.7, 0.6])
    above = detections(offsets, scores_of([0, 0.5], [0, 0.1], [0, 0.1]), ANCHORS)
    np.testing.assert_allclose(above.boxes, [[0, 0, 0.1, 0.5]], atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_broken_model_makes_no_box_that_is_no_box(value):
    offsets = np.zeros((3, 4), np.float32)
    offsets[0, 2], offsets[1, 0] = value, value
    scores = scores_of([0, np.nan], [0, 0.9], [0, 0.8])
    found = detections(offsets, scores, ANCHORS)
    assert np.isfinite(found.boxes).all()
    assert found.scores[-1] == pytest.approx(0.8)


def test_nothing_above_the_threshold_is_no_detection():
    found = detections(np.zeros((3, 4), np.float32), np.full((3, 4), 0.25, np.float32), ANCHORS)
    assert (found.boxes.shape, found.scores.shape, found.classes.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize(
    ("boxes", "scores"), [((2, 4), (3, 3)), ((3, 5), (3, 3)), ((3, 4), (4, 3)), ((3, 4), (3, 1)), ((3, 4), (3,))]
)
def test_outputs_that_do_not_fit_the_anchors_are_refused(boxes, scores):
    with pytest.raises(InputError, match=r"3 anchors must give boxes \(3, 4\) and scores \(3, classes \+ 1\), got"):
        detections(np.zeros(boxes, np.float32), np.zeros(scores, np.float32), ANCHORS)


def test_the_device_finds_what_training_reported():
    pytest.importorskip("tensorflow")
    from edge.models import anchors as training
    from edge.models.training.detection import detection

    rng = np.random.default_rng(1)
    anchors = training.anchors((96, 128, 3), (16, 32), (1.5,), (0.2, 0.5))
    offsets = rng.normal(0, 2, (len(anchors), 4)).astype(np.float32)
    scores = rng.dirichlet([1, 0.4, 0.4], len(anchors)).astype(np.float32)
    np.testing.assert_array_equal(decode(offsets, anchors), training.decode(offsets, anchors))
    theirs = detection.find(offsets, scores, anchors)
    ours = detections(offsets, scores, anchors, detection.LEAST_SCORE, detection.OVERLAP, detection.MOST)
    assert len(ours.scores) > 50
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    np.testing.assert_array_equal(ours.classes, theirs.classes)
    np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-6)
