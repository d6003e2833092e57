"""Heat maps against the Simple Baselines loop, and Gaussians whose peaks are known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoders.heads import layout_of
from edge.decoders.heatmaps import Heatmaps, peaks, recognize
from edge.errors import InputError
from tests.decoders.heads import decode, image, signature, spec

SIZE = (64, 48)


def authors_peaks(maps):
    """Return x, y in cells, as get_final_preds of the authors' lib/core/inference.py does, but for its first column.

    It moves a peak only when 1 < x < width - 1; the first inner column has two neighbours as well and is moved here.
    """
    found = []
    for one in maps:
        y, x = divmod(int(one.argmax()), one.shape[1])
        px, py = float(x), float(y)
        if 0 < x < one.shape[1] - 1:
            px += 0.25 * float(np.sign(one[y, x + 1] - one[y, x - 1]))
        if 0 < y < one.shape[0] - 1:
            py += 0.25 * float(np.sign(one[y + 1, x] - one[y - 1, x]))
        found.append((px, py))
    return np.array(found)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_peaks_are_the_authors(seed, rows, columns, count):
    maps = np.random.default_rng(seed).integers(0, 5, (count, rows, columns)).astype(np.float32)
    cells, values = peaks(maps)
    np.testing.assert_array_equal(cells, authors_peaks(maps))
    np.testing.assert_array_equal(values, maps.reshape(count, -1).max(axis=1))


def gaussians(points, sigma=2.0):
    """Return (12, 16, k) maps of an input of 64x48 whose peaks lie at x, y in pixels."""
    y, x = np.mgrid[0:12, 0:16] + 0.5
    return np.stack([np.exp(-((x - px / 4) ** 2 + (y - py / 4) ** 2) / (2 * sigma**2)) for px, py in points], axis=-1)


@given(st.lists(st.tuples(st.floats(8, 56), st.floats(8, 40)), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_a_point_is_found_within_a_quarter_of_a_cell(points):
    found = decode("heatmaps", {"o": ("heatmaps", [gaussians(points)])}, SIZE)
    away = np.abs(found.points[0, :, :2] - np.array(points))
    # The middle of the peak's cell of 4 pixels is off by up to 2; the quarter of a cell leaves 1 at most.
    assert away.max() <= 1.0 + 1e-3


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_both_layouts_and_the_score(layout):
    maps = gaussians([(30, 22), (10, 40)]) * [0.5, 1.2]
    maps = maps if layout == "NHWC" else maps.transpose(2, 0, 1)
    found = decode("heatmaps", {"o": ("heatmaps", [maps])}, SIZE, layout=layout)
    np.testing.assert_allclose(found.points[0, :, :2], [(30, 22), (10, 40)], atol=1.0)
    np.testing.assert_allclose(found.points[0, :, 2], [0.5, 1.0], atol=0.05)
    np.testing.assert_allclose(found.scores, [found.points[0, :, 2].mean()])


def test_an_activation_and_another_place_in_the_cell():
    maps = np.full((12, 16, 1), -9.0)
    maps[5, 7] = 1.0
    found = decode("heatmaps", {"o": ("heatmaps", [maps])}, SIZE, activation="sigmoid", cell_centre=0.125)
    np.testing.assert_allclose(found.points, [[[7.125 * 4, 5.125 * 4, 1 / (1 + math.exp(-1))]]], rtol=1e-6)


def test_a_broken_map_gives_a_score_of_zero():
    found = decode("heatmaps", {"o": ("heatmaps", np.full((1, 12, 16, 2), np.nan))}, SIZE)
    assert np.isfinite(found.points).all()
    assert found.scores.tolist() == [0]


@pytest.mark.parametrize(
    ("shape", "parameters", "words"),
    [
        ((1, 16, 12, 5), {}, "of 12x16 cells must have the shape of the input of 64x48 pixels"),
        ((1, 5, 12, 16), {}, "the parameter layout says which axis"),
        ((12, 16, 5), {}, r"takes maps \(1, rows, columns, k\), got o \(12, 16, 5\)"),
        ((1, 12, 16, 5), {"layout": "CHW"}, "layout must be one of NHWC, NCHW"),
        ((1, 12, 16, 5), {"cell_centre": 2}, "cell_centre must be a number from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(shape, parameters, words):
    with pytest.raises(InputError, match=words):
        Heatmaps(signature("heatmaps", {"o": ("heatmaps", shape)}, SIZE, **parameters))


def test_recognized_by_name_only():
    assert recognize([image(SIZE)], [spec("heatmaps", (1, 12, 16, 5))], (None,)).task.parameters == {"layout": "NHWC"}
    assert recognize([image(SIZE)], [spec("Identity", (1, 12, 16, 5))], (None,)) is None
    assert recognize([image(SIZE)], [spec("heatmaps", (1, 12, 12, 5))], (None,)) is None


@pytest.mark.parametrize(
    ("entry", "shape", "layout"),
    [
        ((1, 48, 64, 3), (1, 12, 16, 5), "NHWC"),
        ((1, 48, 64, 3), (1, 5, 12, 16), "NCHW"),
        ((1, 3, 48, 64), (1, 5, 12, 16), "NCHW"),
        ((1, 3, 48, 64), (1, 12, 16, 5), "NHWC"),
        ((1, 3, 64, 64), (1, 16, 16, 16), "NCHW"),
        ((1, 48, 64, 3), (1, 192, 256, 3), "NHWC"),
        ((1, 48, 64), (1, 48, 64, 2), "NHWC"),
        ((1, 48, 64, 3), (1, 1, 1, 5), None),
        ((1, 48, 64, 3), (1, 12, 12, 5), None),
    ],
)
def test_the_layout_of_a_map_follows_from_its_proportions(entry, shape, layout):
    assert layout_of([spec("i", entry)], spec("o", shape)) == layout
