"""Anchor boxes and box coding against values worked out by hand from SSD's formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.anchors import (
    anchors,
    boxes_per_place,
    centred,
    corners,
    decode,
    encode,
    level,
    map_sizes,
    scales_of,
)
from edge.errors import InputError


def test_scales_are_the_paper_s():
    # s_k = 0.2 + 0.7 / 5 * (k - 1) for six maps, and one step beyond for the extra square of the last.
    assert scales_of(6) == pytest.approx([0.2, 0.34, 0.48, 0.62, 0.76, 0.9, 1.04])


def test_one_map_has_the_smallest_scale():
    assert scales_of(1, (0.2, 0.9)) == pytest.approx([0.2, 0.9])


@pytest.mark.parametrize("scales", [(0.0, 0.5), (0.5, 0.4), (float("nan"), 1.0)])
def test_scales_that_are_no_range_are_refused(scales):
    with pytest.raises(InputError, match="0 < smallest <= largest"):
        scales_of(3, scales)


@pytest.mark.parametrize(
    ("shape", "strides", "sizes"),
    [
        pytest.param((320, 320, 3), (16, 32, 64, 128, 256, 512), [20, 10, 5, 3, 2, 1], id="the paper's"),
        pytest.param((240, 320, 3), (8, 16, 32), [(30, 40), (15, 20), (8, 10)], id="rounded up"),
    ],
)
def test_maps_are_as_large_as_strides_leave(shape, strides, sizes):
    assert map_sizes(shape, strides) == [size if isinstance(size, tuple) else (size, size) for size in sizes]


def test_anchors_by_hand():
    # A 32x64 image, one map of 1x2 places, s = 0.5 of 32 pixels, and 0.5 and 1.0 for the extra square.
    found = anchors((32, 64, 3), (32,), (4.0,), (0.5, 1.0))
    extra = np.sqrt(0.5 * 1.0)
    shapes = [(0.5, 0.25), (extra, extra / 2), (0.25, 0.5), (1.0, 0.125)]  # height of 32, width of 64
    expected = [[0.5, x, h, w] for x in (0.25, 0.75) for h, w in shapes]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ssd_has_its_1917_anchors_with_three_on_the_first_map_and_3234_with_six_on_all():
    # Sizes 19, 10, 5, 3, 2, 1 at 300x300: the TensorFlow object detection API's 1917 has 3 boxes on the first.
    assert len(anchors((300, 300, 3))) - 3 * 19 * 19 == 1917
    assert len(anchors((320, 320, 3))) == 3234  # torchvision's ssdlite320


def test_maps_follow_each_other_from_fine_to_coarse():
    found = anchors((64, 64, 3), (16, 32), (2.0,), (0.2, 0.4))
    places = boxes_per_place((2.0,))
    assert places == 4
    assert len(found) == (16 + 4) * places
    np.testing.assert_allclose(found[0], [0.125, 0.125, 0.2, 0.2], rtol=1e-6)
    np.testing.assert_allclose(found[places], [0.125, 0.375, 0.2, 0.2], rtol=1e-6)  # the next column
    np.testing.assert_allclose(found[4 * places], [0.375, 0.125, 0.2, 0.2], rtol=1e-6)  # the next row
    np.testing.assert_allclose(found[16 * places], [0.25, 0.25, 0.4, 0.4], rtol=1e-6)  # the next map


def test_offsets_by_hand():
    anchor = np.array([[0.5, 0.5, 0.2, 0.4]], np.float32)
    box = np.array([[0.42, 0.3, 0.62, 0.9]], np.float32)  # centre 0.52, 0.6; 0.2 high, 0.6 wide
    expected = [[0.02 / 0.2 / 0.1, 0.1 / 0.4 / 0.1, 0.0, np.log(1.5) / 0.2]]
    np.testing.assert_allclose(encode(box, anchor), expected, atol=1e-5)  # float32 differences of 0.6 and 0.5


def _rows(draw, count, least):
    """Return centres from 0 to 1 and sides from ``least`` / 256 to 1, in steps of 1/256."""
    number = st.tuples(st.integers(0, 256), st.integers(0, 256), st.integers(least, 256), st.integers(least, 256))
    return np.array(draw(st.lists(number, min_size=count, max_size=count)), np.float32) / 256


@st.composite
def boxes_and_anchors(draw):
    count = draw(st.integers(1, 8))
    return corners(_rows(draw, count, 2)), _rows(draw, count, 8)


@given(boxes_and_anchors())
@settings(max_examples=100, deadline=None)
def test_decoding_undoes_encoding(drawn):
    boxes, against = drawn
    np.testing.assert_allclose(decode(encode(boxes, against), against), boxes, atol=1e-5)  # float32


def test_centres_and_corners_are_one_another_s_inverse():
    boxes = np.array([[0.1, 0.2, 0.5, 0.9]], np.float32)
    np.testing.assert_allclose(centred(boxes), [[0.3, 0.55, 0.4, 0.7]], rtol=1e-6)
    np.testing.assert_allclose(corners(centred(boxes)), boxes, rtol=1e-6)


def test_a_broken_output_does_not_overflow():
    anchor = np.array([[0.5, 0.5, 0.1, 0.1]], np.float32)
    assert np.isfinite(decode(np.array([[0, 0, 1e6, -1e6]], np.float32), anchor)).all()


def test_offsets_are_decoded_by_the_formula():
    anchor = np.array([[0.25, 0.25, 0.5, 0.5]], np.float32)
    offsets = np.array([[1.0, -2.0, 0.0, np.log(2) / 0.2]], np.float32)
    # centre 0.25 + 0.1 * 0.5, 0.25 - 0.2 * 0.5; 0.5 high, 1.0 wide
    np.testing.assert_allclose(decode(offsets, anchor), [[0.05, -0.35, 0.55, 0.65]], atol=1e-6)
    # with variances of 1: centre 0.75, -0.75; sides 0.5, 0.5 * 2^5
    np.testing.assert_allclose(decode(offsets, anchor, (1, 1, 1, 1)), [[0.5, -8.75, 1.0, 7.25]], rtol=1e-5)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38])
def test_infinite_offsets_make_finite_boxes(value):
    anchor = np.array([[0.5, 0.5, 0.1, 0.1]], np.float32)
    assert np.isfinite(decode(np.full((1, 4), value, np.float32), anchor)).all()


def test_a_level_goes_row_after_row_place_after_place_shape_after_shape():
    found = level(np.array([0.25, 0.75]), np.array([0.5]), [(0.1, 0.2), (0.3, 0.4)])
    expected = [[0.25, 0.5, 0.1, 0.2], [0.25, 0.5, 0.3, 0.4], [0.75, 0.5, 0.1, 0.2], [0.75, 0.5, 0.3, 0.4]]
    np.testing.assert_allclose(found, expected)
