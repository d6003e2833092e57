"""Boxes move with the pixels that they were drawn around."""

import numpy as np
import pytest

from edge.models.training.detection.box_augmentation import augment, boxes_in_window
from edge.models.training.image_augmentation import warp
from edge.models.training.settings import Augmentation
from edge.tasks.average_precision import Truth

SIZE = (48, 64, 3)
STILL = Augmentation(flip=False, crop=0)


def square(top, left, bottom, right):
    """Return a black image with a white rectangle, and the rectangle's box."""
    image = np.zeros(SIZE, np.float32)
    image[top:bottom, left:right] = 255
    box = np.array([[top / 48, left / 64, bottom / 48, right / 64]], np.float32)
    return image, Truth(box, np.array([1]), np.array([False]))


@pytest.mark.parametrize(
    ("zoom", "shift"),
    [
        pytest.param((1, -1), (0, 0), id="left to right"),
        pytest.param((-1, 1), (0, 0), id="top to bottom"),
        pytest.param((1, 1), (0.125, -0.125), id="moved"),
        pytest.param((0.5, 0.5), (0, 0), id="nearer"),
        pytest.param((2, -2), (0.0625, 0), id="farther and turned"),
    ],
)
def test_boxes_move_with_the_pixels(zoom, shift):
    image, truth = square(16, 24, 28, 36)
    moved = warp(image, np.array(zoom), np.array(shift))[..., 0] > 127
    box = boxes_in_window(truth, np.array(zoom), np.array(shift)).boxes[0] * (48, 64, 48, 64)
    rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
    seen = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
    np.testing.assert_allclose(box, seen, atol=1)  # pixels are whole


def test_a_box_leaves_with_its_centre_and_is_cut_at_the_edge():
    _, truth = square(0, 0, 24, 32)
    # The window begins at an eighth: a box from 0 to a half is cut there; at three eighths its centre is outside.
    cut = boxes_in_window(truth, np.ones(2), np.array([0.125, 0.125]))
    np.testing.assert_allclose(cut.boxes, [[0, 0, 0.375, 0.375]], atol=1e-6)
    assert cut.classes.tolist() == [1]
    gone = boxes_in_window(truth, np.ones(2), np.array([0.375, 0.0]))
    assert (gone.boxes.shape, gone.classes.shape, gone.difficult.shape) == ((0, 4), (0,), (0,))


def test_augmentation_keeps_to_its_settings():
    image, truth = square(16, 24, 28, 36)
    rng = np.random.default_rng(0)
    same, boxes = augment(image, truth, STILL, False, rng)
    np.testing.assert_array_equal(same, image)
    np.testing.assert_allclose(boxes.boxes, truth.boxes, atol=1e-6)
    seen = {tuple(np.round(augment(image, truth, Augmentation(True, 0), True, rng)[1].boxes[0], 3)) for _ in range(40)}
    assert len(seen) == 4  # mirrored or not, both ways
    shades = [augment(image / 2, truth, Augmentation(False, 0, 0.2), False, rng)[0].mean() for _ in range(5)]
    assert len(set(shades)) == 5
    sides = [
        np.ptp(augment(image, truth, Augmentation(False, 6), False, rng)[1].boxes[0, [0, 2]]) * 48 / 12
        for _ in range(50)
    ]
    assert 1 / 1.25 - 0.01 <= min(sides) < 0.9 < 1.1 < max(sides) <= 1 / 0.75 + 0.01  # zoom of 2 * 6 / 48
