"""The detector's losses and its metric against numbers worked out by hand."""

import math

import numpy as np
import pytest

from edge.deploy._tensorflow import need

need("tensorflow")

from edge.models.training.detection.detection_loss import AnchorF1, Focal, HardNegatives, SmoothL1  # noqa: E402


def test_smooth_l1_by_hand():
    truth = np.zeros((2, 3, 5), np.float32)
    truth[0, 0] = [1, 0, 0, 0, 1]
    truth[0, 1] = [0, 0, 0, 0, 1]
    found = np.zeros((2, 3, 4), np.float32)
    found[0, 0] = [0.5, 3, 0, 0]  # 0.5 * 0.5^2 + (3 - 0.5)
    found[0, 1] = [0, 0, -1, 0]  # 1 - 0.5
    found[0, 2] = found[1] = 100  # background, which has no offsets to be wrong
    # Two images with 2 and 0 matched anchors, 1 an image; Keras takes the mean over the images.
    assert float(SmoothL1()(truth, found)) == pytest.approx((0.125 + 2.5 + 0.5) / 1 / 2)


def one_hot(*classes):
    return np.eye(3, dtype=np.float32)[list(classes)][None]


def test_the_worst_background_counts_three_times_the_matched():
    truth = one_hot(2, 0, 0, 0, 0, 0)
    background = [0.9, 0.5, 0.8, 0.6, 0.7]
    found = np.array([[[0.5, 0.25, 0.25], *[[p, 1 - p, 0] for p in background]]], np.float32)
    expected = -math.log(0.25) - math.log(0.5) - math.log(0.6) - math.log(0.7)
    assert float(HardNegatives()(truth, found)) == pytest.approx(expected, rel=1e-5)


def test_an_image_without_a_box_still_counts_its_worst_background():
    found = np.array([[[p, 1 - p, 0] for p in (0.9, 0.5, 0.8, 0.6, 0.7)]], np.float32)
    expected = -math.log(0.5) - math.log(0.6) - math.log(0.7)
    assert float(HardNegatives()(one_hot(0, 0, 0, 0, 0), found)) == pytest.approx(expected, rel=1e-5)


def test_more_negatives_than_there_are_is_all_of_them():
    found = np.array([[[0.5, 0.5, 0], [0.5, 0.5, 0]]], np.float32)
    assert float(HardNegatives()(one_hot(1, 0), found)) == pytest.approx(-2 * math.log(0.5), rel=1e-5)


def test_a_probability_of_zero_is_a_finite_loss():
    found = np.array([[[1, 0, 0]]], np.float32)
    assert math.isfinite(float(HardNegatives()(one_hot(1), found)))


def test_focal_loss_by_hand():
    found = np.array([[[0.25, 0.75, 0], [0.6, 0.4, 0]]], np.float32)
    # The matched anchor in full, background by half; each by (1 - p)^2, divided by one matched anchor an image.
    expected = -(0.25**2) * math.log(0.75) - 0.5 * 0.4**2 * math.log(0.6)
    assert float(Focal()(one_hot(1, 0), found)) == pytest.approx(expected, rel=1e-5)


def test_f1_by_hand():
    metric = AnchorF1()
    # A hit, another object, an object missed, an alarm, background: 2 / (2 + 1 + 1 + 1 + 1).
    found = np.array([[[0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]], np.float32)
    metric.update_state(one_hot(1, 2, 1, 0, 0), found)
    assert float(metric.result()) == pytest.approx(2 * 1 / (3 + 3))
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_f1_keeps_its_name_whatever_keras_calls_it():
    metric = AnchorF1()
    metric._name = "quant_scores_anchor_f1"
    assert metric.name == "anchor_f1"
