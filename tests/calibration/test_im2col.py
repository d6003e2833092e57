"""im2col, against a convolution written out in numpy."""

import numpy as np
import pytest

from edge.calibration.im2col import Window, dense_rows, grouped_rows
from tests.reference.convolution import convolve


@pytest.mark.parametrize(
    ("sides", "window", "groups"),
    [
        pytest.param((5, 6), Window((3, 3)), 1, id="valid"),
        pytest.param((5, 6), Window((3, 3), same=True), 1, id="zeros around"),
        pytest.param((6, 5), Window((3, 2), stride=(2, 3), same=True), 1, id="odd zero behind, strides that differ"),
        pytest.param((7, 7), Window((3, 3), dilation=(2, 2)), 1, id="dilated"),
        pytest.param((7, 8), Window((3, 3), dilation=(2, 3), same=True), 1, id="dilated with zeros around"),
        pytest.param((4, 4), Window((1, 1), stride=(2, 2)), 1, id="pointwise"),
        pytest.param((5, 5), Window((3, 3), same=True), 2, id="grouped"),
        pytest.param((5, 5), Window((3, 3), stride=(2, 2), same=True), 4, id="depthwise"),
    ],
)
def test_rows_times_weights_are_the_convolution(sides, window, groups):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(3, *sides, 4)).astype(np.float32)
    kernel = rng.normal(size=(*window.size, 4 // groups, 8))
    padding = "same" if window.same else "valid"
    expected = convolve(image, kernel, stride=window.stride, padding=padding, dilation=window.dilation, groups=groups)
    rows = grouped_rows(image, np.arange(np.prod(expected.shape[:3])), window, groups)
    weights = kernel.reshape(-1, groups, 8 // groups).transpose(1, 0, 2)
    found = (rows @ weights).transpose(1, 0, 2).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)  # the rows are float32


def test_only_the_chosen_positions_are_read():
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    rows = grouped_rows(image, np.array([5, 0]), Window((1, 1)), 1)
    np.testing.assert_array_equal(rows, [[[5], [0]]])


def test_a_dense_layer_flattens_what_it_reads():
    values = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_array_equal(dense_rows(values, np.array([0]), 12), [[np.arange(12)]])
    np.testing.assert_array_equal(dense_rows(values, np.array([3]), 3), [[[9, 10, 11]]])
