"""The window of a clip network: which frames it holds, in which order, as the input's numbers."""

import numpy as np
import pytest

from edge.clips import ClipPreprocessor
from edge.errors import InputError
from edge.imaging import InputFormat, Preprocessor
from edge.placement import Placement
from edge.tensors import Quantization, TensorSpec

FRAMES = 4
PLAIN = InputFormat(mean=(0.0,), std=(1.0,))


def flat(value, size=(20, 10)):
    """(height, width, 3) uint8, every value ``value``. size: width, height."""
    return np.full((size[1], size[0], 3), value, np.uint8)


def spec_of(shape, dtype="float32", quantization=None):
    return TensorSpec("clip", shape, np.dtype(dtype), quantization)


def values(tensor):
    """Return the value of each frame of the clip, having checked that each is flat."""
    frames = tensor.reshape(tensor.shape[1], -1)
    assert (frames == frames[:, :1]).all()
    return frames[:, 0].tolist()


def test_it_holds_the_last_frames_oldest_first_and_begins_with_the_first_repeated():
    prepare = ClipPreprocessor(spec_of((1, FRAMES, 8, 6, 3)), PLAIN)
    found = [values(prepare(flat(10 * (i + 1))).tensor) for i in range(7)]
    assert found == [
        [10, 10, 10, 10],
        [10, 10, 10, 20],
        [10, 10, 20, 30],
        [10, 20, 30, 40],
        [20, 30, 40, 50],
        [30, 40, 50, 60],
        [40, 50, 60, 70],
    ]


def test_a_clip_of_one_frame_is_that_frame():
    prepare = ClipPreprocessor(spec_of((1, 1, 8, 6, 3)), PLAIN)
    assert [values(prepare(flat(value)).tensor) for value in (1, 2, 3)] == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("shape", "dtype", "quantization", "form"),
    [
        pytest.param((1, 3, 8, 6, 3), "float32", None, InputFormat(), id="float"),
        pytest.param((1, 3, 8, 6, 3), "int8", Quantization(1 / 127.5, -1), InputFormat(), id="quantized"),
        pytest.param((1, 3, 8, 6, 1), "float32", None, InputFormat(colour="GRAY"), id="grey"),
        pytest.param((1, 3, 3, 8, 6), "float32", None, InputFormat(layout="NCHW"), id="channels first"),
        pytest.param((1, 3, 8, 6, 3), "float32", None, InputFormat(resize="letterbox"), id="letterbox"),
    ],
)
def test_each_frame_is_what_the_preprocessor_of_pictures_makes_of_it(shape, dtype, quantization, form):
    pictures = np.random.default_rng(5).integers(0, 256, (3, 24, 30, 3), np.uint8)
    clip = ClipPreprocessor(spec_of(shape, dtype, quantization), form)
    one = Preprocessor(spec_of((1, *shape[2:]), dtype, quantization), form)
    expected = np.concatenate([one(picture).tensor.copy() for picture in pictures])[None]
    for picture in pictures:
        found = clip(picture)
    assert (found.tensor.shape, found.tensor.dtype) == (shape, np.dtype(dtype))
    np.testing.assert_array_equal(found.tensor, expected)


def test_the_placement_is_that_of_the_newest_frame():
    prepare = ClipPreprocessor(spec_of((1, FRAMES, 8, 6, 3)), PLAIN)
    prepare(flat(0, (12, 8)))
    assert prepare(flat(0, (30, 16))).placement == Placement((30, 16), (6, 8), (0.2, 0.5))


def test_frames_are_turned():
    image = np.arange(2 * 3, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    found = ClipPreprocessor(spec_of((1, 1, 3, 2, 3)), PLAIN, rotation=90)(image).tensor
    np.testing.assert_array_equal(found[0, 0, :, :, 0], np.rot90(image[..., 0], -1))


@pytest.mark.parametrize("shape", [(1, 8, 6, 3), (2, 4, 8, 6, 3), (1, 0, 8, 6, 3), (1, 64)])
def test_an_input_that_is_no_clip_is_one_line(shape):
    with pytest.raises(InputError, match=r"must have shape \(1, frames, height, width, channels\), got"):
        ClipPreprocessor(spec_of(shape), PLAIN)
