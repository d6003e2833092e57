"""Preprocessing against the same arithmetic written out in plain numpy and Python numbers."""

import math

import numpy as np
import pytest

from edge.errors import InputError
from edge.imaging import InputFormat, Preprocessor, default_format, letterbox_box
from edge.tensors import Quantization, TensorSpec

HEIGHT, WIDTH = 5, 7


def picture(height=HEIGHT, width=WIDTH, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def spec_of(dtype, channels=3, layout="NHWC", quantization=None, height=HEIGHT, width=WIDTH):
    shape = (1, height, width, channels) if layout == "NHWC" else (1, channels, height, width)
    return TensorSpec("image", shape, np.dtype(dtype), quantization)


def coloured(image, colour):
    """(height, width, channels) int64 pixels in the order a model wants."""
    blue, green, red = (image[..., i].astype(np.int64) for i in range(3))
    if colour == "RGB":
        return np.stack([red, green, blue], -1)
    if colour == "BGR":
        return np.stack([blue, green, red], -1)
    return np.floor(0.299 * red + 0.587 * green + 0.114 * blue + 0.5).astype(np.int64)[..., None]


def numbers(pixels, form, spec):
    """Every pixel on its own, in Python's numbers: normalized, then quantized half away from zero, then clipped."""
    out = np.empty(pixels.shape, np.float64)
    for index in np.ndindex(pixels.shape):
        mean, std = (v[index[-1]] if len(v) > 1 else v[0] for v in (form.mean, form.std))
        out[index] = number(int(pixels[index]), mean, std, form.raw, spec)
    return out


def number(pixel, mean, std, raw, spec):
    if spec.dtype == np.float32:
        return (pixel - mean) / std
    low = np.iinfo(spec.dtype).min
    if raw or spec.quantization is None:
        return pixel + low
    scaled = (pixel - mean) / std / spec.quantization.scale
    rounded = math.copysign(math.floor(abs(scaled) + 0.5), scaled)
    return min(max(rounded + spec.quantization.zero_point, low), low + 255)


IMAGENET = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
ROWS = [
    pytest.param("float32", None, {}, id="float32 -1..1"),
    pytest.param("float32", None, IMAGENET, id="float32 with a mean and std per channel"),
    pytest.param("uint8", None, {"raw": True}, id="uint8 as it is"),
    pytest.param("uint8", Quantization(1 / 127.5, 128), {}, id="uint8 nearly the identity"),
    pytest.param("uint8", Quantization(0.02, 110), IMAGENET, id="uint8 that clips"),
    pytest.param("int8", None, {"raw": True}, id="int8 shifted by 128"),
    pytest.param("int8", Quantization(1 / 127.5, -1), {}, id="int8 -1..1"),
    pytest.param("int8", Quantization(0.0186584, -14), IMAGENET, id="int8 per channel"),
]


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("colour", ["RGB", "BGR", "GRAY"])
@pytest.mark.parametrize(("dtype", "quantization", "fields"), ROWS)
def test_every_pixel_becomes_the_number_written_out_by_hand(dtype, quantization, fields, colour, layout):
    if colour == "GRAY" and "mean" in fields:
        fields = {"mean": (120.0,), "std": (57.0,)}
    form = InputFormat(colour=colour, layout=layout, **fields)
    spec = spec_of(dtype, 1 if colour == "GRAY" else 3, layout, quantization)
    tensor = Preprocessor(spec, form)(picture()).tensor

    spec.check(tensor)
    expected = numbers(coloured(picture(), colour), form, spec)[None]
    if layout == "NCHW":
        expected = expected.transpose(0, 3, 1, 2)
    # OpenCV's grey is in fixed point: one grey level, which may be several steps of a fine scale.
    step = 1 if dtype != "float32" else 1 / min(form.std)
    if quantization is not None:
        step = math.ceil(1 / (min(form.std) * quantization.scale))
    tolerance = step if colour == "GRAY" else 1e-6 if dtype == "float32" else 0
    np.testing.assert_allclose(tensor.astype(np.float64), expected, rtol=0, atol=tolerance)


def bilinear(image, height, width):
    """Resize with half-pixel centres and clamped borders, in float64."""
    rows = np.clip((np.arange(height) + 0.5) * image.shape[0] / height - 0.5, 0, image.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) * image.shape[1] / width - 0.5, 0, image.shape[1] - 1)
    y0, x0 = np.floor(rows).astype(int), np.floor(columns).astype(int)
    y1, x1 = np.minimum(y0 + 1, image.shape[0] - 1), np.minimum(x0 + 1, image.shape[1] - 1)
    fy, fx = (rows - y0)[:, None, None], (columns - x0)[None, :, None]
    real = image.astype(np.float64)
    above = real[y0][:, x0] * (1 - fx) + real[y0][:, x1] * fx
    below = real[y1][:, x0] * (1 - fx) + real[y1][:, x1] * fx
    return above * (1 - fy) + below * fy


def stretched(image):
    return bilinear(image, HEIGHT, WIDTH)


def cropped(image):
    """20x20 to 5:7 is rows 3 to 17 of 14 (20 * 5 / 7 = 14.3)."""
    return bilinear(image[3:17], HEIGHT, WIDTH)


def letterboxed(image):
    """20x20 into 5x7 is 5x5 with one grey column on both sides."""
    out = np.full((HEIGHT, WIDTH, 3), 114.0)
    out[:, 1:6] = bilinear(image, HEIGHT, 5)
    return out


@pytest.mark.parametrize(("resize", "oracle"), [("stretch", stretched), ("crop", cropped), ("letterbox", letterboxed)])
def test_resizing_keeps_what_it_says(resize, oracle):
    image = picture(20, 20)
    tensor = Preprocessor(spec_of("uint8"), InputFormat(colour="BGR", resize=resize, raw=True))(image).tensor
    # OpenCV interpolates uint8 in fixed point, 11 bits a factor: one level at most. On ARM it has other kernels: it
    # was 1.007 off.
    np.testing.assert_allclose(tensor[0], oracle(image), rtol=0, atol=1.01)


@pytest.mark.parametrize(("height", "width"), [(20, 30), (20, 6), (4, 20), (3, 2), (HEIGHT, WIDTH)])
def test_a_tile_s_window_is_the_frame_s_centre_at_its_own_resolution(height, width):
    image = picture(height, width)
    form = InputFormat(colour="BGR", resize="tile", raw=True)
    tensor, placement = Preprocessor(spec_of("uint8"), form)(image)
    edges = ((0, max(0, HEIGHT - height)), (0, max(0, WIDTH - width)), (0, 0))
    whole = np.pad(image, edges, "symmetric")
    top, left = (whole.shape[0] - HEIGHT) // 2, (whole.shape[1] - WIDTH) // 2
    np.testing.assert_array_equal(tensor[0], whole[top : top + HEIGHT, left : left + WIDTH])
    assert (placement.scale, placement.offset) == ((1.0, 1.0), (-left, -top))


@pytest.mark.parametrize(
    ("size", "to", "box"),
    [
        ((1280, 720), (224, 224), (0, 49, 224, 126)),
        ((100, 200), (50, 50), (12, 0, 25, 50)),
        ((8, 8), (8, 8), (0, 0, 8, 8)),
    ],
)
def test_letterbox_box(size, to, box):
    assert letterbox_box(*size, *to) == box


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("colour", ["RGB", "BGR", "GRAY"])
def test_the_tensor_is_reused_and_the_frame_left_alone(dtype, colour):
    channels = 1 if colour == "GRAY" else 3
    preprocess = Preprocessor(spec_of(dtype, channels), InputFormat(colour=colour, raw=True))
    first, second = picture(seed=1), picture(seed=2)
    tensor = preprocess(first).tensor
    before = tensor.copy()
    assert preprocess(second).tensor is tensor
    assert not np.array_equal(tensor, before)
    np.testing.assert_array_equal(preprocess(first).tensor, before)
    np.testing.assert_array_equal(first, picture(seed=1))


@pytest.mark.parametrize(
    ("shape", "dtype", "colour", "layout", "raw"),
    [
        ((1, 224, 224, 3), "uint8", "RGB", "NHWC", True),
        ((1, 3, 224, 224), "float32", "RGB", "NCHW", False),
        ((1, 28, 28, 1), "int8", "GRAY", "NHWC", True),
        ((1, 1, 28, 28), "float32", "GRAY", "NCHW", False),
    ],
)
def test_a_bare_file_gets_the_usual_format(shape, dtype, colour, layout, raw):
    form = default_format(TensorSpec("image", shape, np.dtype(dtype)))
    assert (form.colour, form.layout, form.raw) == (colour, layout, raw)


@pytest.mark.parametrize("shape", [(1,), (1, 640), (2, 8, 8), (2, 8, 8, 3), (1, 8, 8, 4)])
def test_an_input_that_is_no_image_is_one_line(shape):
    spec = TensorSpec("x", shape, np.dtype("float32"))
    with pytest.raises(InputError, match=r"image model's input|channel"):
        Preprocessor(spec, default_format(spec))


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "int64"])
def test_wider_integers_take_pixels_as_they_are(dtype):
    tensor = Preprocessor(spec_of(dtype), InputFormat(colour="BGR"))(picture()).tensor
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor[0], picture())


def test_a_quantized_int16_input_follows_its_scale():
    form = InputFormat(colour="BGR", mean=(0.0,), std=(255.0,))
    tensor = Preprocessor(spec_of("int16", quantization=Quantization(1 / 32768, 0)), form)(picture()).tensor
    # 255 / 255 is one step beyond the largest int16.
    expected = np.minimum(np.floor(picture() / 255 * 32768 + 0.5), 32767)
    np.testing.assert_array_equal(tensor[0], expected)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats_are_the_same_numbers(dtype):
    tensor = Preprocessor(spec_of(dtype), InputFormat(colour="BGR"))(picture()).tensor
    np.testing.assert_array_equal(tensor[0], ((picture() - 127.5) / 127.5).astype(dtype))


def test_no_image_is_made_of_booleans():
    with pytest.raises(InputError, match=r"floats or integers, got .* bool"):
        Preprocessor(spec_of("bool"), InputFormat())


def test_a_grey_input_needs_no_channel_axis():
    with_axis = Preprocessor(spec_of("float32", 1), InputFormat(colour="GRAY"))(picture()).tensor
    spec = TensorSpec("image", (1, HEIGHT, WIDTH), np.dtype("float32"))
    tensor = Preprocessor(spec, default_format(spec))(picture()).tensor
    np.testing.assert_array_equal(tensor, with_axis[..., 0])


@pytest.mark.parametrize(("rotation", "turns"), [(0, 0), (90, 3), (180, 2), (270, 1)])
def test_a_frame_is_turned_clockwise_before_it_is_resized(rotation, turns):
    preprocess = Preprocessor(spec_of("uint8"), InputFormat(colour="BGR", raw=True), rotation)
    plain = Preprocessor(spec_of("uint8"), InputFormat(colour="BGR", raw=True))
    turned = np.ascontiguousarray(np.rot90(picture(9, 20), turns))  # numpy turns anticlockwise
    expected = plain(turned).tensor
    np.testing.assert_array_equal(preprocess(picture(9, 20)).tensor, expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "HSV"},
        {"resize": "fit"},
        {"layout": "HWC"},
        {"std": (0.0,)},
        {"std": ()},
        {"std": (float("inf"),)},
        {"mean": ()},
        {"mean": (float("nan"),)},
        {"raw": "no"},
    ],
)
def test_a_format_that_cannot_be_is_refused(fields):
    with pytest.raises(InputError, match=next(iter(fields))):
        InputFormat(**fields)


@pytest.mark.parametrize(("channels", "fields"), [(1, {"mean": (1.0, 2.0, 3.0)}), (3, {"std": (1.0, 2.0)})])
def test_a_mean_for_other_channels_is_refused(channels, fields):
    colour = "GRAY" if channels == 1 else "RGB"
    with pytest.raises(InputError, match=f"one number, or {channels} for the channels"):
        Preprocessor(spec_of("float32", channels), InputFormat(colour=colour, **fields))


@pytest.mark.parametrize(
    ("mean", "std"), [(0.0, 1e-40), (0.0, 1e-30), (0.0, 1e-8), (0.0, 1e12), (1e30, 1.0), (1e7, 1.0), (-1e7, 1e3)]
)
def test_pixels_stay_apart(mean, std):
    with pytest.raises(InputError, match="pixels 0 to 255 into numbers that float32 tells apart, from 1e-09 to 1e"):
        InputFormat("RGB", (mean,), (std,))


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (127.5, 127.5), (0.0, 1e-5), (-128.0, 1e9), (123.675, 58.395)])
def test_ordinary_and_odd_pixels_are_taken(mean, std):
    assert InputFormat("RGB", (mean,), (std,)).std == (std,)


def test_an_input_of_16_bits_must_hold_the_pixels():
    spec = TensorSpec("image", (1, 4, 4, 3), np.dtype(np.float16))
    with pytest.raises(InputError, match=r"give values beyond the input \(1, 4, 4, 3\) float16"):
        Preprocessor(spec, InputFormat("RGB", (0.0,), (1e-3,)))
