"""The reference itself, by sums that a reader does in the head: weights are powers of ten, so digits tell positions."""

import numpy as np
import pytest

from tests.reference import convolution

SQUARE = np.arange(1, 10).reshape(1, 3, 3, 1)
CUBE = np.arange(1, 9).reshape(1, 2, 2, 2, 1)
POWERS = 10 ** np.arange(8)


def line(*values):
    """Return (1, n, 1): one image with one side and one channel."""
    return np.array(values).reshape(1, -1, 1)


def powers(*window):
    """Return (*window, 1, 1): 1, 10, 100 and so on."""
    return POWERS[: np.prod(window)].reshape(*window, 1, 1)


@pytest.mark.parametrize(
    ("values", "window", "how", "expected"),
    [
        pytest.param((1, 2, 3, 4, 5), 3, {}, [321, 432, 543], id="valid"),
        pytest.param((1, 2, 3, 4, 5), 3, {"padding": "same"}, [210, 321, 432, 543, 54], id="same: a zero each side"),
        pytest.param((1, 2, 3, 4, 5), 2, {"padding": "same"}, [21, 32, 43, 54, 5], id="same: an odd zero goes behind"),
        pytest.param((1, 2, 3, 4, 5), 3, {"stride": 2}, [321, 543], id="stride"),
        pytest.param((1, 2, 3, 4), 3, {"stride": 2}, [321], id="stride: valid leaves the rest over"),
        pytest.param((1, 2, 3, 4, 5), 3, {"stride": 2, "padding": "same"}, [210, 432, 54], id="stride, same, odd side"),
        pytest.param((1, 2, 3, 4), 3, {"stride": 2, "padding": "same"}, [321, 43], id="stride, same, even side"),
        pytest.param((1, 2, 3, 4), 1, {"stride": 3, "padding": "same"}, [1, 4], id="a stride beyond the window"),
        pytest.param((1, 2, 3, 4, 5, 6), 3, {"dilation": 2}, [531, 642], id="dilation: every second"),
        pytest.param((1, 2, 3), 3, {"dilation": 2, "padding": "same"}, [310, 20, 31], id="dilation, same"),
        pytest.param((7,), 2, {"dilation": 3, "padding": "same"}, [0], id="nothing but zeros between the holes"),
        pytest.param((1, 2, 3), 3, {"bias": np.array([5000])}, [5321], id="bias"),
    ],
)
def test_convolution_of_a_line(values, window, how, expected):
    got = convolution.convolve(line(*values), powers(window), **how)
    assert got[0, :, 0].tolist() == expected


def test_convolution_of_a_plane():
    valid = convolution.convolve(SQUARE, powers(2, 2))
    assert valid[0, :, :, 0].tolist() == [[5421, 6532], [8754, 9865]]
    same = convolution.convolve(SQUARE, powers(2, 2), padding="same")
    assert same[0, :, :, 0].tolist() == [[5421, 6532, 603], [8754, 9865, 906], [87, 98, 9]]


def test_each_side_has_its_own_stride_and_dilation():
    got = convolution.convolve(SQUARE, powers(1, 2), stride=(2, 1), dilation=(1, 2))
    assert got[0, :, :, 0].tolist() == [[31], [97]]


def test_convolution_of_a_volume():
    assert convolution.convolve(CUBE, powers(2, 2, 2)).ravel().tolist() == [87654321]


def test_every_filter_sums_over_the_channels():
    pixel, kernel = np.array([[[1, 2, 3]]]), np.array([[[1, 2], [10, 20], [100, 200]]])
    assert convolution.convolve(pixel, kernel, np.array([4000, 0])).tolist() == [[[4321, 642]]]


def test_a_group_reads_its_own_channels():
    pixel, kernel = np.array([[[1, 2, 3, 4]]]), np.array([[[1, 100], [10, 1000]]])
    assert convolution.convolve(pixel, kernel, groups=2).tolist() == [[[21, 4300]]]


def test_a_batch_is_image_by_image():
    two = np.concatenate([line(1, 2, 3), line(4, 5, 6)])
    assert convolution.convolve(two, powers(3)).ravel().tolist() == [321, 654]


def test_depthwise_makes_multiples_of_each_channel():
    pixels, kernel = np.array([[[1, 2], [3, 4]]]), np.array([[[1, 10], [1, 1]], [[100, 1000], [0, 10]]])
    assert convolution.depthwise(pixels, kernel).tolist() == [[[301, 3010, 2, 42]]]


@pytest.mark.parametrize(
    ("values", "window", "how", "expected"),
    [
        pytest.param((1, 2), 3, {}, [1, 12, 120, 200], id="valid"),
        pytest.param((1, 2), 3, {"padding": "same"}, [12, 120], id="same: cut on each side"),
        pytest.param((1, 2), 3, {"stride": 2}, [1, 10, 102, 20, 200], id="stride"),
        pytest.param((1, 2), 3, {"stride": 2, "padding": "same"}, [1, 10, 102, 20], id="stride, same: cut behind"),
        pytest.param((1, 2), 4, {"stride": 2, "padding": "same"}, [10, 102, 1020, 200], id="stride, same, even window"),
        pytest.param((1, 2), 2, {"stride": 3}, [1, 10, 0, 2, 20, 0], id="gaps, the last one too"),
        pytest.param((1, 2), 2, {"stride": 3, "padding": "same"}, [1, 10, 0, 2, 20, 0], id="gaps, same"),
        pytest.param((1, 2), 2, {"dilation": 2}, [1, 2, 10, 20], id="dilation"),
        pytest.param((1,), 2, {"bias": np.array([5])}, [6, 15], id="bias"),
    ],
)
def test_transpose_of_a_line(values, window, how, expected):
    got = convolution.transpose(line(*values), powers(window), **how)
    assert got[0, :, 0].tolist() == expected


def test_transpose_of_a_pixel_is_the_kernel():
    assert convolution.transpose(np.full((1, 1, 1, 1), 2), powers(2, 2)).ravel().tolist() == [2, 20, 200, 2000]
    cube = convolution.transpose(np.full((1, 1, 1, 1, 1), 3), powers(2, 2, 2))
    assert cube.ravel().tolist() == (3 * POWERS).tolist()


def test_transpose_reads_its_kernel_filters_first():
    pixel, kernel = np.array([[[1, 2]]]), np.array([[[1, 10], [100, 1000], [0, 5]]])
    assert convolution.transpose(pixel, kernel).tolist() == [[[21, 2100, 10]]]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("sides", "window", "stride"),
    [
        pytest.param((4,), (3,), (2,), id="line"),
        pytest.param((3, 4), (3, 4), (2, 3), id="plane"),
        pytest.param((3, 2), (2, 3), (3, 1), id="plane with gaps"),
        pytest.param((2, 3, 2), (3, 2, 3), (2, 2, 1), id="volume"),
    ],
)
def test_transpose_is_the_adjoint_of_convolution(sides, window, stride, padding):
    """<convolve(x), y> = <x, transpose(y)>, the definition; exact on integers."""
    rng = np.random.default_rng(0)
    y, kernel = rng.integers(-9, 10, (2, *sides, 4)), rng.integers(-9, 10, (*window, 3, 4))
    back = convolution.transpose(y, kernel, 0.0, stride, padding)
    x = rng.integers(-9, 10, back.shape)
    assert (convolution.convolve(x, kernel, 0.0, stride, padding) * y).sum() == (x * back).sum()


@pytest.mark.parametrize(
    ("values", "how", "largest", "mean"),
    [
        pytest.param((1, 4, 7, 1), {}, [7, 7], [4, 4], id="valid"),
        pytest.param((-1, -3, -8), {"padding": "same"}, [-1, -1, -3], [-2, -4, -5.5], id="same: no zeros take part"),
        pytest.param((1, 4, 7, 1), {"stride": 2, "padding": "same"}, [7, 7], [4, 4], id="stride, same, even side"),
        pytest.param((2, 4, 6, 1, 3), {"stride": 2, "padding": "same"}, [4, 6, 3], [3, 11 / 3, 2], id="odd side"),
    ],
)
def test_pools_of_three_along_a_line(values, how, largest, mean):
    assert convolution.max_pool(line(*values), 3, **how)[0, :, 0].tolist() == largest
    assert convolution.average_pool(line(*values), 3, **how)[0, :, 0].tolist() == mean


def test_pools_of_a_plane_and_a_volume():
    assert convolution.max_pool(SQUARE, 2, (1, 2))[0, :, :, 0].tolist() == [[5], [8]]
    assert convolution.average_pool(SQUARE, (2, 1), 2, "same")[0, :, :, 0].tolist() == [[2.5, 4.5], [7, 9]]
    assert convolution.max_pool(CUBE, 2).ravel().tolist() == [8]
    assert convolution.average_pool(CUBE, 2).ravel().tolist() == [4.5]


def test_global_pools_keep_the_channels_apart():
    images = np.array([[[1, -8], [2, -7], [6, -3]]])
    assert convolution.global_max(images).tolist() == [[6, -3]]
    assert convolution.global_average(images).tolist() == [[3, -6]]
