"""Frames: their formats, their size, and the picture that is made of them once."""

import gc
import weakref

import cv2
import numpy as np
import pytest

from edge import frames
from edge.errors import InputError
from edge.frames import Frame

WIDTH, HEIGHT = 6, 4
RNG = np.random.default_rng(3)
LUMA = RNG.integers(16, 236, (HEIGHT, WIDTH), np.uint8)
U, V = RNG.integers(90, 166, (2, HEIGHT // 2, WIDTH // 2), np.uint8)


def made(pixels, form):
    return Frame(pixels, form, 0, 1, "arrival", "test")


def bt601(y, u, v):
    """(height, width) float each to BGR, by ITU-R BT.601 in video range, before rounding."""
    y, u, v = 255 / 219 * (y - 16.0), 255 / 224 * (u - 128.0), 255 / 224 * (v - 128.0)
    red, blue = y + 1.402 * v, y + 1.772 * u
    green = y - 0.344136 * u - 0.714136 * v
    return np.clip(np.stack([blue, green, red], axis=-1), 0, 255)


def doubled(plane):
    return plane.repeat(2, axis=0).repeat(2, axis=1)


def yuyv():
    """U and V are shared by two pixels of a row; both rows of a pair get the same, as in the planar formats."""
    out = np.empty((HEIGHT, WIDTH, 2), np.uint8)
    out[..., 0] = LUMA
    out[:, 0::2, 1], out[:, 1::2, 1] = U.repeat(2, axis=0), V.repeat(2, axis=0)
    return out


YUV = {
    "I420": np.concatenate([LUMA.ravel(), U.ravel(), V.ravel()]).reshape(-1, WIDTH),
    "NV12": np.concatenate([LUMA.ravel(), np.stack([U, V], axis=-1).ravel()]).reshape(-1, WIDTH),
    "YUYV": yuyv(),
}


@pytest.mark.parametrize("form", YUV)
def test_yuv_becomes_bgr_as_bt_601_says(form):
    one = made(YUV[form], form)
    assert one.size == (WIDTH, HEIGHT)
    assert one.bgr.shape == (HEIGHT, WIDTH, 3)
    # OpenCV computes in fixed point: one step beside the rounded value.
    assert np.abs(one.bgr - bt601(LUMA, doubled(U), doubled(V))).max() <= 1.5


def test_grey_has_three_equal_channels():
    one = made(LUMA, "GRAY")
    assert one.size == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(one.bgr, np.repeat(LUMA[..., None], 3, axis=-1))


def test_bgr_is_the_array_itself():
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    one = made(pixels, "BGR")
    assert one.bgr is pixels
    assert one.size == (WIDTH, HEIGHT)


def test_it_is_converted_once_and_only_when_somebody_asks(monkeypatch):
    converted = []
    convert = cv2.cvtColor
    monkeypatch.setattr(frames.cv2, "cvtColor", lambda *a: converted.append(1) or convert(*a))
    one = made(LUMA, "GRAY")
    assert one.size == (WIDTH, HEIGHT)
    assert converted == []
    assert one.bgr is one.bgr
    assert converted == [1]


@pytest.mark.parametrize("form", ["BGR", "GRAY"])
def test_its_memory_is_free_as_soon_as_nobody_holds_it(form):
    """A cycle would keep hundreds of pictures until Python looks for garbage."""
    one = made(np.zeros((4, 4, 3) if form == "BGR" else (4, 4), np.uint8), form)
    gone = weakref.ref(one)
    gc.disable()
    try:
        del one
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("form", "shape"),
    [
        pytest.param("BGR", (4, 6), id="BGR without channels"),
        pytest.param("BGR", (4, 6, 4), id="BGR with alpha"),
        pytest.param("BGR", (0, 6, 3), id="no pixel"),
        pytest.param("GRAY", (4, 6, 1), id="grey with a channel"),
        pytest.param("I420", (4, 6), id="I420 without room for U and V"),
        pytest.param("NV12", (6, 5), id="NV12 of odd width"),
        pytest.param("YUYV", (4, 5, 2), id="YUYV of odd width"),
        pytest.param("YUYV", (4, 6, 3), id="YUYV with three channels"),
        pytest.param("RGB", (4, 6, 3), id="an unknown format"),
    ],
)
def test_pixels_that_do_not_fit_the_format_are_one_line(form, shape):
    with pytest.raises(InputError, match="frame") as caught:
        made(np.zeros(shape, np.uint8), form)
    assert "\n" not in str(caught.value)


def test_floats_are_no_pixels():
    with pytest.raises(InputError, match=r"must be \(height, width, 3\) uint8, got \(4, 6, 3\) float32"):
        made(np.zeros((4, 6, 3), np.float32), "BGR")
