"""The app's pixels become the tensor that the device makes of them, byte by byte."""

from dataclasses import replace

import cv2
import numpy as np

from edge.deploy.web.description import table_of
from edge.imaging import InputFormat, Preprocessor
from edge.results import Mask, Result
from edge.signature import Input
from edge.tensors import Quantization, TensorSpec
from edge.tiles import TilePreprocessor, spans
from tests.deploy.web import node
from tests.deploy.web.node import decoded, encoded, needs_node

DTYPES = (
    (np.uint8, Quantization(1 / 127.5, 128)),
    (np.uint8, None),
    (np.int8, Quantization(0.0063, -32)),
    (np.int16, Quantization(1 / 32768, 0)),
    (np.float32, None),
)
SPECIAL = (
    ("both sides halved", (64, 48), (32, 24)),
    ("one side halved", (64, 40), (32, 24)),
    ("the same size", (32, 24), (32, 24)),
    ("a third", (96, 72), (32, 24)),
    ("one pixel", (1, 1), (9, 7)),
    ("larger", (17, 11), (64, 80)),
    ("a camera's", (640, 480), (224, 224)),
)


def input_of(rng, size):
    """Return a spec, a format and what model.json says of them."""
    dtype, quantization = DTYPES[rng.integers(len(DTYPES))]
    colour = ("RGB", "BGR", "GRAY")[rng.integers(3)]
    layout = ("NHWC", "NCHW")[rng.integers(2)]
    resize = ("stretch", "letterbox", "crop")[rng.integers(3)]
    channels = 1 if colour == "GRAY" else 3
    count = channels if rng.integers(2) else 1
    mean = tuple(float(value) for value in rng.uniform(0, 255, count))
    std = tuple(float(value) for value in rng.uniform(1, 255, count))
    width, height = size
    shape = (1, height, width, channels) if layout == "NHWC" else (1, channels, height, width)
    form = InputFormat(colour, mean, std, resize, layout)
    return TensorSpec("image", shape, np.dtype(dtype), quantization), form


def described(spec, form):
    entry = Input("image", "image", spec.shape, "float32", form)
    width, height = entry.size
    sides = {"width": width, "height": height, "colour": form.colour, "resize": form.resize, "layout": form.layout}
    return {**sides, "dtype": spec.dtype.name, "table": table_of(spec, entry, form).ravel().tolist()}


def picture(rng, size):
    return rng.integers(0, 256, (size[1], size[0], 3), np.uint8)


def case(kind, spec, form, image):
    rgba = encoded(cv2.cvtColor(image, cv2.COLOR_BGR2RGBA))
    sides = {"width": image.shape[1], "height": image.shape[0]}
    return {"kind": kind, "input": described(spec, form), "pixels": rgba, **sides}


@needs_node
def test_tensors_are_equal_byte_by_byte(tmp_path):
    """300 random sizes and formats, and the sizes for which OpenCV has ways of its own."""
    rng = np.random.default_rng(1)
    sizes = [(frame, to) for _, frame, to in SPECIAL for _ in range(6)]
    sizes += [(tuple(map(int, rng.integers(1, 200, 2))), tuple(map(int, rng.integers(1, 120, 2)))) for _ in range(300)]
    given = [(*input_of(rng, to), picture(rng, frame)) for frame, to in sizes]
    answers = node.run(tmp_path, [case("prepare", *one) for one in given])
    for (spec, form, image), answer in zip(given, answers, strict=True):
        expected = Preprocessor(spec, form)(image)
        found = decoded(answer["tensor"], spec.dtype).reshape(spec.shape)
        np.testing.assert_array_equal(found, expected.tensor, f"{image.shape} {spec} {form}")
        assert answer["placement"]["scale"] == list(expected.placement.scale)
        assert answer["placement"]["offset"] == list(expected.placement.offset)


@needs_node
def test_windows_are_those_of_the_device(tmp_path):
    rng = np.random.default_rng(2)
    pairs = [(int(length), int(size)) for length, size in rng.integers(1, 700, (300, 2))]
    answers = node.run(tmp_path, [{"kind": "spans", "length": length, "size": size} for length, size in pairs])
    for (length, size), answer in zip(pairs, answers, strict=True):
        assert [tuple(row.values()) for row in answer] == [tuple(span) for span in spans(length, size)]


@needs_node
def test_masks_of_windows_are_joined_as_on_the_device(tmp_path):
    rng = np.random.default_rng(3)
    spec = TensorSpec("image", (1, 24, 32, 1), np.dtype(np.uint8))
    form = InputFormat("GRAY", resize="tile")
    images = [picture(rng, tuple(map(int, size))) for size in rng.integers(20, 150, (30, 2))]
    answers = node.run(tmp_path, [case("tiles", spec, form, image) for image in images])
    for image, answer in zip(images, answers, strict=True):
        tiles = TilePreprocessor(spec, form)

        def window(prepared):
            return Result("segment", mask=Mask(prepared.tensor[0, ..., 0].copy(), ("0",)))

        expected = tiles.infer(tiles(image), window).mask.classes
        found = decoded(answer["mask"]["classes"], np.uint8).reshape(expected.shape)
        np.testing.assert_array_equal(found, expected, str(image.shape))


def test_the_table_is_what_the_device_makes_of_each_pixel_value():
    spec = TensorSpec("image", (1, 2, 2, 3), np.dtype(np.int8), Quantization(0.01, 3))
    form = InputFormat("BGR", (10.0, 20.0, 30.0), (100.0, 200.0, 300.0))
    table = table_of(spec, Input("image", "image", spec.shape, "float32", form), form)
    # by hand: (200 - 20) / 200 = 0.9; 0.9 / 0.01 + 3 = 93
    assert (table.shape, table.dtype, table[200, 1]) == ((256, 3), np.int8, 93)
    same = replace(spec, dtype=np.dtype(np.float32), quantization=None)
    assert table_of(same, Input("image", "image", spec.shape, "float32", form), form)[200, 1] == np.float32(0.9)
