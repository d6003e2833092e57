"""Writing into pictures: where text stands, that it fits and can be read, and that nothing covers it."""

import numpy as np
import pytest

from edge.tasks import lettering
from edge.tasks.canvas import DARK

GREY = np.full((240, 320, 3), 128, np.uint8)


def drawn(draw, image=GREY):
    out = image.copy()
    draw(out)
    return out


def changed(draw, image=GREY):
    return (drawn(draw, image) != image).any(axis=-1)


def test_lines_stand_one_below_the_other():
    written = changed(lambda image: lettering.lines(image, ["star 90%", "ring 10%"]))
    line = lettering.line_height(GREY)
    assert written[: 2 * line, :40].mean() > 0.98  # an edge of a letter may be as grey as the picture
    assert not written[2 * line :].any()
    assert not written[:, 200:].any()


def test_lines_beyond_the_picture_are_left_out():
    assert drawn(lambda image: lettering.lines(image, ["star"] * 1000)).shape == GREY.shape


def test_text_has_a_contrast_that_can_be_read():
    """WCAG 2.1 asks for 4.5 to 1 between text and ground; here white on near black."""
    ink, paper = (sum(colour) / 3 / 255 for colour in (lettering.INK, DARK))
    assert (ink + 0.05) / (paper**2.2 + 0.05) > 10
    out = drawn(lambda image: lettering.text(image, "star 90%", 0, 0))
    assert {tuple(DARK), tuple(lettering.INK)} <= {tuple(pixel) for pixel in out.reshape(-1, 3).tolist()}


@pytest.mark.parametrize("size", [(240, 320), (96, 40), (1080, 1920), (333, 517)])
@pytest.mark.parametrize("left", [0, 30, 5000, -50])
@pytest.mark.parametrize("words", ["x", "a label that is much longer than the picture is wide " * 5])
def test_text_stays_inside_the_picture(size, left, words):
    """What would leave the picture is moved, made smaller or cut off: the ground's ends are paper, not letters."""
    image = np.full((*size, 3), 128, np.uint8)
    out = drawn(lambda one: lettering.text(one, words, left, 10), image)
    line = lettering.line_height(image)
    row = out[10 + line // 2]
    ground = np.flatnonzero((row != 128).any(axis=-1))
    assert ground.size
    assert (row[ground[-1]] == DARK).all()
    assert (row[ground[0]] == DARK).all()


def test_a_small_picture_gets_no_text():
    small = np.full((48, 64, 3), 128, np.uint8)
    assert not changed(lambda image: lettering.lines(image, ["star"]), small).any()


def test_accents_are_left_out_and_other_letters_are_marked():
    plain = drawn(lambda image: lettering.text(image, "Agyptische Katze", 0, 0))
    np.testing.assert_array_equal(drawn(lambda image: lettering.text(image, "Ägyptische Katze", 0, 0)), plain)
    marked = drawn(lambda image: lettering.text(image, "? cat", 0, 0))
    np.testing.assert_array_equal(drawn(lambda image: lettering.text(image, "猫 cat", 0, 0)), marked)


def captions(*rows):
    """rows: texts and box."""

    def draw(image):
        place = lettering.Captions(image)
        for texts, corners in rows:
            place.add(texts, corners)

    return changed(draw)


BOX = (100, 80, 200, 160)


def test_captions_stand_above_their_box_where_there_is_room():
    line = lettering.line_height(GREY)
    written = captions((["dog 90%"], BOX))
    assert written[80 - line : 80, 100:140].mean() > 0.98
    assert not written[: 80 - line].any()
    assert not written[80:].any()
    assert captions((["dog 90%"], (100, 3, 200, 160)))[:line, 100:140].mean() > 0.98


def test_captions_do_not_cover_each_other():
    line = lettering.line_height(GREY)
    one, two = captions((["dog 90%"], BOX)), captions((["dog 90%"], BOX), (["cat 80%"], BOX))
    assert (two[80 - line : 80] == one[80 - line : 80]).all()
    assert two[80 : 80 + line, 100:140].mean() > 0.98  # the second one stands inside
    assert captions(*[(["dog 90%"], BOX)] * 9).sum() < 5 * one.sum()  # there is room for four


def test_a_caption_has_several_lines():
    line = lettering.line_height(GREY)
    assert captions((["dog 90%", "beagle 60%"], BOX))[80 - 2 * line : 80, 100:140].mean() > 0.98


@pytest.mark.parametrize("corners", [(-50, -60, 400, 500), (1e9, 1e9, 2e9, 2e9), (float("nan"), 0, 1, 1)])
def test_any_box_can_have_a_caption(corners):
    assert captions((["dog"], corners)).shape == GREY.shape[:2]


def test_a_legend_stands_in_the_lower_corner_and_says_what_it_leaves_out():
    rows = [(f"class {number}", (0, 0, 255)) for number in range(40)]
    line = lettering.line_height(GREY)
    written = changed(lambda image: lettering.legend(image, rows))
    assert not written[: 120 - line].any()  # half of the picture stays free
    assert written[-line:, :40].mean() > 0.9
    short = changed(lambda image: lettering.legend(image, rows[:2]))
    assert short[-2 * line :, :20].mean() > 0.9
    assert not short[: -2 * line].any()
