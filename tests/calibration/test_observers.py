"""Ranges of least squared error, against int8 written out in numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.calibration.observers import HistogramObserver, MinMaxObserver
from edge.errors import InputError


def seen(*parts):
    histogram = HistogramObserver()
    for part in parts:
        histogram.observe(np.asarray(part, np.float32))
    return histogram


def squared_error(values, least, largest):
    """Return the mean squared error of 256 steps from ``least`` to ``largest``, zero on one of them."""
    scale = (max(largest, 0) - min(least, 0)) / 255
    zero = np.round(-min(least, 0) / scale)
    codes = np.clip(np.round(values / scale) + zero, 0, 255)
    return float((((codes - zero) * scale - values) ** 2).mean())


RNG = np.random.default_rng(0)
DRAWN = [
    pytest.param(RNG.normal(size=50_000), id="normal"),
    pytest.param(RNG.laplace(size=50_000), id="heavy tails"),
    pytest.param(np.maximum(RNG.laplace(size=50_000), 0), id="behind a ReLU"),
    pytest.param(RNG.laplace(size=50_000) + 2, id="beside zero"),
    pytest.param(
        np.concatenate([RNG.uniform(0, 0.6, 70_000), np.full(30_000, 0.7), [0.72]]), id="a background and one above"
    ),
    pytest.param(np.append(np.abs(RNG.normal(size=100_000)), [*[2.3] * 40_000, 4.9, 5.1]), id="many at one value"),
    pytest.param(np.append(RNG.normal(size=50_000), [-60, 90]), id="two far outside"),
]


@pytest.mark.parametrize("values", DRAWN)
def test_the_range_errs_least(values):
    histogram = seen(values)
    mine = squared_error(values, *histogram.range())
    shares = np.linspace(0.05, 1, 20)
    bottoms = shares * min(values.min(), 0) if values.min() < 0 else [0.0]
    best = min(squared_error(values, bottom, top) for bottom in bottoms for top in shares * values.max())
    assert mine <= 1.2 * best  # neither grid is fine, and values at one point err as they happen to lie
    assert mine <= 1.05 * squared_error(values, histogram.minimum, histogram.maximum)


def test_nothing_is_clipped_where_clipping_saves_nothing():
    values = RNG.uniform(-3, 5, 100_000)
    least, largest = seen(values).range()
    assert (least, largest) == pytest.approx((-3, 5), rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-30, 30))
def test_order_and_arrangement_do_not_count(seed, power):
    values = np.random.default_rng(seed).laplace(size=3000) * 2.0**power
    once = seen(values).range()
    assert seen(*np.split(values[::-1].reshape(30, 100), 6)).range() == once
    assert seen(*np.split(np.sort(values), 6)).range() == once


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
def test_never_wider_than_what_was_seen(values):
    histogram = seen(values)
    least, largest = histogram.range()
    assert (histogram.minimum, histogram.maximum) == (min(values), max(values))
    assert min(values) <= least <= largest <= max(values)


@pytest.mark.parametrize("values", [[0.0], [0.0, 2.0], [-4.0, 0.0], [1e-20, 2e-20], [1e-44], [8.0]], ids=str)
def test_few_values(values):
    assert seen(values).range() == pytest.approx((min(values), max(values)))


@pytest.mark.parametrize("kind", [MinMaxObserver, HistogramObserver])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(value, kind):
    seen_before = kind()
    seen_before.observe(np.array([0.5, -1], np.float32))
    for found in (kind(), seen_before):
        with pytest.raises(InputError, match="must keep them finite"):
            found.observe(np.array([0.25, value], np.float32))


def test_the_largest_values_that_there_are():
    least = float(np.finfo(np.float32).min)
    assert seen([least, 1.0, 0.0]).range()[0] == pytest.approx(least)


def test_extremes_are_kept():
    extremes = MinMaxObserver()
    extremes.observe(np.array([1, 5], np.float32))
    extremes.observe(np.array([-2], np.float32))
    assert extremes.range() == (-2, 5)


def test_ranges_that_clip_have_no_simple_ratios():
    """Steps of 2 and 3 thirds of another sum to the middle between two of it, where runtimes round differently."""
    tops = [seen(RNG.laplace(size=50_000) * scale).range()[1] for scale in (1, 1.5, 3)]
    for a, b in ((0, 1), (1, 2), (0, 2)):
        ratio = tops[a] / tops[b] * np.arange(1, 256)
        assert np.abs(ratio - np.round(ratio)).min() > 1e-6
