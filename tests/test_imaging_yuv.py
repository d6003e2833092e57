"""Preprocessing from a camera's own pixels against converting them first, and against the formulas written out."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import yuv
from edge.fitting import turned, unturned
from edge.frames import Frame
from edge.imaging import InputFormat, Preprocessor
from edge.scenes import moving
from edge.tensors import Quantization, TensorSpec

FORMATS = ("I420", "NV12", "YUYV")


def scene(width, height):
    """Return a drawn picture, smooth as a camera's lens makes it, (height, width, 3) uint8 BGR."""
    image = next(iter(moving((640, 480), 30.0, 0))).image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)


def packed(image, form):
    """Convert a BGR picture to a camera's format by the formulas of BT.601, chroma as the mean of its pixels."""
    blue, green, red = (image[..., i].astype(np.float64) for i in range(3))
    luma = 16 + 0.256788 * red + 0.504129 * green + 0.097906 * blue
    u = 128 - 0.148223 * red - 0.290993 * green + 0.439216 * blue
    v = 128 + 0.439216 * red - 0.367788 * green - 0.071427 * blue
    height, width = luma.shape
    rows = 1 if form == "YUYV" else 2
    u, v = (c.reshape(height // rows, rows, width // 2, 2).mean((1, 3)) for c in (u, v))
    luma, u, v = (np.rint(plane).astype(np.uint8) for plane in (luma, u, v))
    if form == "I420":
        return np.concatenate([luma.ravel(), u.ravel(), v.ravel()]).reshape(height * 3 // 2, width)
    if form == "NV12":
        return np.concatenate([luma, np.stack([u, v], -1).reshape(height // 2, width)])
    out = np.empty((height, width, 2), np.uint8)
    out[..., 0], out[:, ::2, 1], out[:, 1::2, 1] = luma, u, v
    return out


def frame(pixels, form):
    return Frame(pixels, form, 0, 1, "arrival", "test")


def spec_of(size, channels=3, dtype="uint8", layout="NHWC", quantization=None):
    shape = (1, size[1], size[0], channels) if layout == "NHWC" else (1, channels, size[1], size[0])
    return TensorSpec("image", shape, np.dtype(dtype), quantization)


def difference(preprocess, one):
    """Return the mean difference between the frame's own pixels and the converted frame, and check the placements."""
    found = preprocess.of_frame(one)
    tensor = found.tensor.astype(np.float64)
    plain = preprocess(one.bgr)
    assert found.placement == plain.placement
    return np.abs(tensor - plain.tensor).mean()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop", "tile"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_is_within_a_grey_level_of_converting_first(form, resize, rotation):
    one = frame(packed(scene(1280, 720), form), form)
    preprocess = Preprocessor(spec_of((112, 96)), InputFormat(resize=resize, raw=True), rotation)
    assert difference(preprocess, one) <= (0 if resize == "tile" else 1)


@pytest.mark.parametrize("form", [*FORMATS, "GRAY"])
@pytest.mark.parametrize("colour", ["RGB", "BGR", "GRAY"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_every_colour_and_layout(form, colour, layout):
    image = scene(640, 480)
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if form == "GRAY" else packed(image, form)
    spec = spec_of((64, 48), 1 if colour == "GRAY" else 3, layout=layout)
    preprocess = Preprocessor(spec, InputFormat(colour=colour, layout=layout, raw=True))
    assert difference(preprocess, frame(pixels, form)) <= 1


@pytest.mark.parametrize(
    ("dtype", "quantization", "raw"),
    [("float32", None, False), ("int8", None, True), ("int8", Quantization(0.02, 5), False), ("float16", None, False)],
)
def test_every_type_of_input(dtype, quantization, raw):
    preprocess = Preprocessor(spec_of((64, 48), 3, dtype, "NHWC", quantization), InputFormat(raw=raw))
    step = {"float32": 1 / 127.5, "float16": 1 / 127.5, "int8": 1}[dtype]
    assert difference(preprocess, frame(packed(scene(640, 480), "I420"), "I420")) <= step


@pytest.mark.parametrize("form", FORMATS)
def test_each_channel_is_the_formula_of_bt_601(form):
    """A picture of one colour: no interpolation, only the conversion."""
    for colour in ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (30, 200, 120)):
        pixels = packed(np.full((96, 128, 3), colour, np.uint8), form)
        found = yuv.resized(pixels, form, (0, 0, 128, 96), (8, 6), "BGR")
        # Y, U and V are rounded to whole numbers, of which blue takes up to 2.02 times
        assert np.abs(found.astype(int) - colour).max() <= 2


def test_grey_is_luma_over_its_full_range():
    pixels = np.full((96, 64), 128, np.uint8)
    for luma, grey in ((0, 0), (16, 0), (126, 128), (235, 255), (255, 255)):
        pixels[:64] = luma
        assert set(yuv.resized(pixels, "I420", (0, 0, 64, 64), (8, 8), "GRAY").ravel()) == {grey}


@pytest.mark.parametrize(
    ("form", "box", "size", "does"),
    [
        pytest.param("BGR", (0, 0, 1920, 1080), (224, 224), False, id="BGR is resized first anyway"),
        pytest.param("I420", (0, 0, 1920, 1080), (224, 224), True, id="1080p"),
        pytest.param("NV12", (0, 0, 320, 240), (224, 224), False, id="small"),
        pytest.param("YUYV", (3, 0, 1080, 1080), (224, 224), False, id="between two samples of chroma"),
        pytest.param("GRAY", (3, 0, 25, 25), (24, 24), True, id="grey has no chroma"),
    ],
)
def test_what_is_converted_first(form, box, size, does):
    assert yuv.pays(form, box, size) == does


@settings(max_examples=60, deadline=None)
@given(
    half=st.tuples(st.integers(40, 120), st.integers(40, 120)),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    form=st.sampled_from(FORMATS),
    resize=st.sampled_from(["stretch", "letterbox", "crop"]),
    rotation=st.sampled_from([0, 90, 180, 270]),
)
def test_any_sizes(half, size, form, resize, rotation):
    one = frame(packed(scene(2 * half[0], 2 * half[1]), form), form)
    preprocess = Preprocessor(spec_of(size), InputFormat(resize=resize, raw=True), rotation)
    # A result of a few pixels may lie on an edge of colours in each of them.
    assert difference(preprocess, one) <= (1 if size[0] * size[1] > 100 else 4)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 90, 180, 270]), st.data())
def test_a_box_is_turned_back(width, height, rotation, data):
    image = np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)
    whole = turned(image, rotation)
    left, top = (data.draw(st.integers(0, side - 1)) for side in whole.shape[1::-1])
    box = (left, top, *(data.draw(st.integers(1, n)) for n in (whole.shape[1] - left, whole.shape[0] - top)))
    x, y, w, h = unturned(box, (width, height), rotation)
    part = turned(np.ascontiguousarray(image[y : y + h, x : x + w]), rotation)
    np.testing.assert_array_equal(part, whole[top : top + box[3], left : left + box[2]])


def test_the_frame_is_left_alone_and_the_tensor_reused():
    pixels = packed(scene(640, 480), "NV12")
    kept, preprocess = pixels.copy(), Preprocessor(spec_of((64, 48)), InputFormat(resize="letterbox", raw=True))
    first = preprocess.of_frame(frame(pixels, "NV12")).tensor
    before = first.copy()
    preprocess.of_frame(frame(np.full_like(pixels, 90), "NV12"))
    assert not np.array_equal(first, before)
    assert preprocess.of_frame(frame(pixels, "NV12")).tensor is first
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(pixels, kept)


def test_a_bgr_frame_is_the_picture():
    preprocess = Preprocessor(spec_of((64, 48)), InputFormat(raw=True))
    assert difference(preprocess, frame(scene(640, 480), "BGR")) == 0
