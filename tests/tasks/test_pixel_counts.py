"""Dice, IoU and accuracy from counts of pixels, against values worked out by hand."""

import numpy as np
import pytest

from edge.tasks.pixel_counts import count, foreground

TRUE = np.array([[0, 0, 1, 1], [0, 2, 1, 255]])
FOUND = np.array([[0, 1, 1, 1], [0, 1, 0, 1]])


def test_dice_and_iou_by_hand():
    counts = count(FOUND, TRUE, 4)
    # Class 0: 2 right of 3 and 3. Class 1: 2 right of 3 and 4. Class 2: none of 1 and 0. The ignored pixel is not seen.
    np.testing.assert_allclose(counts.dice(), [4 / 6, 4 / 7, 0, np.nan])
    np.testing.assert_allclose(counts.iou(), [2 / 4, 2 / 5, 0, np.nan])
    assert counts.accuracy() == pytest.approx(4 / 7)
    assert foreground(counts.dice()) == pytest.approx((4 / 7 + 0) / 2)
    twice = counts + counts
    np.testing.assert_allclose(twice.iou(), counts.iou())


def test_a_prediction_that_is_no_class_is_wrong():
    counts = count(np.array([[0, 255]]), np.array([[0, 1]]), 2)
    assert counts.both.tolist() == [1, 0]
    assert counts.predicted.tolist() == [1, 0]
    assert counts.true.tolist() == [1, 1]


def test_a_mask_of_background_alone_has_no_foreground():
    counts = count(np.zeros((2, 2), int), np.zeros((2, 2), int), 3)
    assert foreground(counts.dice()) == 0
