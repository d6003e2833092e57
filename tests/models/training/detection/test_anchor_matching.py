"""Matching of anchors to true boxes: values by hand, and what must hold for any boxes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.anchors import anchors, decode
from edge.decoders.select import overlaps
from edge.models.training.detection.anchor_matching import match, targets

ANCHORS = anchors((64, 64, 3), (16, 32), (2.0,), (0.25, 0.5))


def test_one_box_takes_the_best_anchor_and_all_that_overlap_it_by_half():
    four = np.array(
        [[0.5, 0.5, 0.4, 0.4], [0.5, 0.5, 0.4, 0.3], [0.5, 0.6, 0.4, 0.4], [0.1, 0.1, 0.2, 0.2]], np.float32
    )
    # Overlaps with the box: 1, 0.12 / 0.16 = 0.75, 0.12 / 0.2 = 0.6, 0.
    truth = np.array([[0.3, 0.3, 0.7, 0.7]], np.float32)
    assert match(truth, four).tolist() == [0, 0, 0, -1]
    assert match(truth, four, 0.7).tolist() == [0, 0, -1, -1]
    assert match(truth, four[2:], 0.7).tolist() == [0, -1]  # the best one, however little it overlaps


def test_no_box_is_all_background():
    assert (match(np.empty((0, 4), np.float32), ANCHORS) == -1).all()


@st.composite
def truths(draw):
    """Up to 12 boxes on a grid of 1/512, some the same, some of a pixel's size."""
    low, side = st.integers(0, 460), st.integers(1, 300)
    rows = draw(st.lists(st.tuples(low, low, side, side), max_size=12))
    table = np.array(rows, np.float32).reshape(-1, 4) / 512
    return np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], axis=1)


@given(truths())
@settings(max_examples=150, deadline=None)
def test_every_truth_gets_an_anchor_and_the_others_overlap_theirs(boxes):
    assigned = match(boxes, ANCHORS)
    assert set(assigned.tolist()) >= set(range(len(boxes)))
    corners = np.concatenate([ANCHORS[:, :2] - ANCHORS[:, 2:] / 2, ANCHORS[:, :2] + ANCHORS[:, 2:] / 2], axis=1)
    overlap = overlaps(boxes, corners) if len(boxes) else np.zeros((1, len(ANCHORS)))
    for anchor, truth in enumerate(assigned):
        if truth < 0:
            assert overlap[:, anchor].max() < 0.5
    forced = sum(overlap[truth, anchor] < 0.5 for anchor, truth in enumerate(assigned) if truth >= 0)
    assert forced <= len(boxes)


def test_a_box_that_no_anchor_meets_takes_the_nearest():
    far = np.array([[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1]], np.float32)
    assert match(np.array([[0.6, 0.6, 0.61, 0.61]], np.float32), far).tolist() == [-1, 0]


def test_targets_hold_class_offsets_and_mask():
    boxes = np.array([[0.1, 0.1, 0.35, 0.35], [0.5, 0.4, 0.99, 0.9]], np.float32)
    offsets, one_hot = targets(boxes, np.array([2, 0]), ANCHORS, 3)
    assert (offsets.shape, one_hot.shape) == ((len(ANCHORS), 5), (len(ANCHORS), 4))
    assert (one_hot.sum(1) == 1).all()
    np.testing.assert_array_equal(offsets[:, 4], 1 - one_hot[:, 0])
    assert not offsets[offsets[:, 4] == 0].any()
    for number, box in ((2, boxes[0]), (0, boxes[1])):
        mine = one_hot[:, number + 1] == 1
        assert mine.any()
        np.testing.assert_allclose(decode(offsets[mine, :4], ANCHORS[mine]), np.tile(box, (mine.sum(), 1)), atol=1e-5)
