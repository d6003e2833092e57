"""Keras and the project's own layers against the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.cases import CASES, Case, L


def check(case):
    got = case.model(case.images).numpy()
    assert got.shape == case.expected.shape
    np.testing.assert_allclose(got, case.expected, rtol=0, atol=case.rounding)


@pytest.mark.parametrize("case", CASES)
def test_layer(case):
    check(case)


@st.composite
def convolutions(draw):
    """Draw a two-dimensional convolution and an image with room for it; Keras takes no stride with a dilation."""
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    window, steps = draw(pair), draw(pair)
    stride, dilation = draw(st.sampled_from([(steps, (1, 1)), ((1, 1), steps)]))
    padding, groups = draw(st.sampled_from(["valid", "same"])), draw(st.integers(1, 3))
    least = [1 if padding == "same" else (size - 1) * step + 1 for size, step in zip(window, dilation, strict=True)]
    sides = [size + draw(st.integers(0, 4)) for size in least]
    filters, channels = (groups * draw(st.integers(1, 3)) for _ in range(2))
    layer = L.Conv2D(filters, window, stride, padding, dilation_rate=dilation, groups=groups)
    return Case(layer, (*sides, channels))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=convolutions())
def test_any_convolution(case):
    check(case)
