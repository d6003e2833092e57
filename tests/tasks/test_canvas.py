"""What tasks draw with: boxes and points at their place, and the colours of classes."""

import numpy as np
import pytest

from edge.tasks import canvas

GREY = np.full((240, 320, 3), 128, np.uint8)


def drawn(draw, image=GREY):
    out = image.copy()
    draw(out)
    return out


def changed(draw, image=GREY):
    return (drawn(draw, image) != image).any(axis=-1)


def test_a_box_is_drawn_on_its_pixels():
    written = changed(lambda image: canvas.box(image, (100, 80, 200, 160), (0, 0, 255)))
    assert written[80:160, [100, 199]].all()
    assert written[[80, 159], 100:200].all()
    assert not written[82:158, 102:198].any()


@pytest.mark.parametrize(
    "corners",
    [(-50, -60, 400, 500), (1e9, 1e9, 2e9, 2e9), (float("nan"), 0, 1, 1), (float("inf"), 0, 1, 1), (5, 5, 5, 5)],
)
def test_any_box_is_taken(corners):
    assert drawn(lambda image: canvas.box(image, corners, (0, 0, 255))).shape == GREY.shape


def test_a_point_lies_on_its_pixel():
    written = changed(lambda image: canvas.dot(image, 100.5, 50.5, (0, 0, 255)))
    rows, columns = np.nonzero(written)
    assert (rows.mean(), columns.mean()) == (50, 100)  # the middle of pixel 100, 50
    assert not changed(lambda image: canvas.dot(image, float("nan"), 1, (0, 0, 255))).any()


def test_a_trail_is_a_chain_of_its_points():
    written = changed(lambda image: canvas.trail(image, [(10, 20), (60, 20), (60, 90)], (0, 0, 255)))
    assert written[20, 10:60].all()
    assert written[20:90, 60].all()
    assert not written[40:, :55].any()
    for odd in ((), [(1, 2)], [(1, 2), (float("nan"), 3)], [(1e30, 0), (-1e30, 5)]):
        assert drawn(lambda image, odd=odd: canvas.trail(image, odd, (0, 0, 255))).shape == GREY.shape


def test_the_palette_is_pascal_voc_s():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128)}
    colours = canvas.palette(256)
    for number, rgb in known.items():
        assert tuple(colours[number].tolist()) == rgb[::-1]
    assert len({tuple(colour) for colour in colours.tolist()}) == 256
