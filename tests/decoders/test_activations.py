"""Scores that a graph should have made, and has not: logits would be scores of several hundred percent."""

import numpy as np
import pytest

from edge.decoders.activations import probabilities
from edge.errors import InputError
from tests.decoders.heads import decode

SIZE = (64, 64)
PLACES = 84  # 8x8, 4x4 and 2x2
LOGITS = [-6.0, 3.0, -4.0]


def boxes(count):
    return np.tile(np.float32([20, 20, 8, 8]), (count, 1))


def yolo(scores, columns):
    """Return rows of a YOLO head that all have these scores in their last columns."""
    rows = np.zeros((PLACES, columns), np.float32)
    rows[:, :4] = boxes(PLACES)
    rows[:, -len(scores) :] = scores
    return rows


ANCHORS = [[0.5, 0.5, 0.2, 0.2]] * 3
HEADS = {
    "yolov8": ({"o": ("detections", [yolo(LOGITS, 7).T])}, {}, "export the network with the sigmoid"),
    # The product of two negative logits is positive: without the check it would be a score of 1200 %.
    "yolov5": ({"o": ("detections", [yolo([-4.0, -3.0], 6)])}, {}, "export the network with the sigmoid"),
    "ssd": (
        {"b": ("boxes", [np.zeros((3, 4), np.float32)]), "o": ("scores", [[LOGITS] * 3])},
        {"anchors": ANCHORS},
        "the parameter activation says",
    ),
    "fomo": ({"o": ("scores", [np.full((8, 8, 3), LOGITS)])}, {}, "the parameter activation says"),
}


@pytest.mark.parametrize("name", HEADS)
def test_logits_are_no_scores(name):
    outputs, parameters, remedy = HEADS[name]
    with pytest.raises(InputError, match=f"output 'o' must give scores from 0 to 1, got -.* as logits are; {remedy}"):
        decode(name, outputs, SIZE, **parameters)


@pytest.mark.parametrize("name", ["ssd", "fomo"])
def test_the_stated_activation_makes_scores_of_them(name):
    outputs, parameters, _ = HEADS[name]
    found = decode(name, outputs, SIZE, activation="sigmoid", **parameters)
    np.testing.assert_allclose(found.scores.max(), 1 / (1 + np.exp(-3.0)), rtol=1e-6)


def test_a_table_of_boxes_with_scores_in_percent_is_refused():
    table = np.float32([[10, 10, 30, 30, 90, 1]] * 5)
    with pytest.raises(InputError, match="must give scores from 0 to 1, got 0 to 90"):
        decode("yolov8", {"o": ("detections", [table])}, SIZE, end_to_end=True)


def test_rounding_is_cut_off():
    values = np.float32([[-0.02, 0.5, 1.004]])
    np.testing.assert_array_equal(probabilities(values, "o", ""), np.float32([[0, 0.5, 1]]))


def test_infinities_are_left_to_the_selection():
    values = np.float32([[np.inf, 0.5, -np.inf]])
    np.testing.assert_array_equal(probabilities(values, "o", ""), values)
    with pytest.raises(InputError, match="got 0 to 7"):
        probabilities(np.float32([[np.inf, 7.0]]), "o", "")
