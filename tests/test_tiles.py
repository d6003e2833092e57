"""Tiles: windows cover the frame, and what is joined from them is what one look at the whole frame would give.

The networks are so simple that plain numpy says what they give: each pixel's own brightness, or where it lies.
"""

import itertools
import json
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge
from edge import tiles
from edge.errors import BrokenOutput, InputError
from edge.imaging import InputFormat
from edge.placement import TURNS
from edge.results import Mask, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.tensors import TensorSpec
from edge.tiles import TilePreprocessor, spans
from tests.loops import fake_model

WIDTH, HEIGHT = 16, 12
"""Of the networks' input."""

SIZES = [
    pytest.param((16, 12), id="one window"),
    pytest.param((17, 13), id="one pixel more"),
    pytest.param((101, 59), id="odd sides"),
    pytest.param((64, 12), id="one row of windows"),
    pytest.param((16, 50), id="one column of windows"),
    pytest.param((9, 40), id="narrower than a window"),
    pytest.param((5, 3), id="smaller than a window"),
    pytest.param((1, 1), id="one pixel"),
]


def picture(size, seed=0):
    """Return noise of (width, height) ``size``: grey, so that each channel is the brightness."""
    grey = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 1), np.uint8)
    return np.repeat(grey, 3, axis=-1)


def network(folder, task="segment", **options):
    """Open a network whose one output holds the brightness of each pixel of its input."""
    shape = (1, HEIGHT, WIDTH, 1)
    path = fake_model(folder, shape, "float32", [{"name": "same", "shape": shape, "dtype": "float32"}])
    form = {"mean": (0.0,), "std": (255.0,), "colour": "GRAY", "resize": "tile"}
    return edge.load(path, backend="fake", task=task, **{**form, **options})


@settings(max_examples=500, deadline=None, derandomize=True)
@given(length=st.integers(1, 5000), size=st.integers(1, 700))
def test_windows_cover_all_overlap_as_stated_and_stay_inside(length, size):
    found = spans(length, size)
    starts = [span.start for span in found]
    assert starts[0] == 0
    assert starts[-1] == max(0, length - size)
    gaps = np.diff(starts)
    assert (gaps > 0).all()
    assert (gaps <= max(1, size - size / tiles.OVERLAP)).all()
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
    # Every pixel is taken once, from a window that holds it.
    assert [span.first for span in found] == [0, *(span.end for span in found[:-1])]
    assert found[-1].end == length
    assert all(span.start <= span.first <= span.end <= span.start + size for span in found)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(length=st.integers(1, 300), size=st.integers(1, 60))
def test_there_are_no_more_windows_than_the_overlap_asks_for(length, size):
    fewer = len(spans(length, size)) - 1
    step = max(1, size * 7 // 8)
    assert fewer == 0 or size + (fewer - 1) * step < length


@settings(max_examples=200, deadline=None, derandomize=True)
@given(length=st.integers(1, 300), size=st.integers(1, 60))
def test_each_pixel_is_taken_from_the_window_whose_centre_is_nearest(length, size):
    found = spans(length, size)
    centres = np.asarray([span.start + size / 2 for span in found])
    for number, span in enumerate(found):
        for pixel in range(span.first, span.end):
            assert np.abs(centres - pixel - 0.5).argmin() == number  # the first of two


@pytest.mark.parametrize("rotation", TURNS)
@pytest.mark.parametrize("size", SIZES)
def test_a_mask_on_tiles_is_the_mask_of_the_whole_frame(tmp_path, size, rotation):
    frame = picture(size)
    with network(tmp_path, parameters={"activation": "none"}, rotation=rotation) as session:
        mask = session(frame).mask
    assert mask.classes.dtype == np.uint8
    np.testing.assert_array_equal(mask.classes, frame[..., 0] >= 127.5)
    assert mask.labels == ("background", "foreground")


@pytest.mark.parametrize("resize", ["nearest", "bilinear"])
def test_both_ways_from_map_to_frame_agree_where_the_map_is_as_fine_as_the_frame(tmp_path, resize):
    frame = picture((37, 41))
    with network(tmp_path, parameters={"activation": "none", "resize": resize}) as session:
        np.testing.assert_array_equal(session(frame).mask.classes, frame[..., 0] >= 127.5)


@pytest.mark.parametrize("rotation", TURNS)
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_on_tiles_is_the_whole_frame(tmp_path, size, rotation):
    frame = picture(size)
    with network(tmp_path, "image", parameters={"range": [0, 1]}, rotation=rotation) as session:
        np.testing.assert_array_equal(session(frame).image, frame)


def scaled(zoom):
    """Return a tiler and a network that scales its window by ``zoom`` with nearest pixels."""
    spec = TensorSpec("image", (1, HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    tiler = TilePreprocessor(spec, InputFormat(colour="BGR", raw=True, resize="tile"))

    def run(prepared):
        size = (round(WIDTH * zoom), round(HEIGHT * zoom))
        return Result("image", image=cv2.resize(prepared.tensor[0], size, interpolation=cv2.INTER_NEAREST))

    return lambda frame: tiler.infer(tiler(frame), run).image


@pytest.mark.parametrize("zoom", [2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_super_resolution_gives_the_scale_of_its_output(size, zoom):
    frame = picture(size)
    np.testing.assert_array_equal(scaled(zoom)(frame), frame.repeat(zoom, axis=0).repeat(zoom, axis=1))


@pytest.mark.parametrize("zoom", [0.25, 0.5, 1.5])
@pytest.mark.parametrize("size", [(101, 59), (64, 12), (17, 13)])
def test_a_scale_that_is_no_whole_number_is_right_to_half_a_pixel(size, zoom):
    """A picture whose values are their own columns shows where each pixel came from."""
    frame = np.repeat(np.tile(np.arange(size[0], dtype=np.uint8), (size[1], 1))[..., None], 3, axis=-1)
    found = scaled(zoom)(frame)
    assert found.shape == (math.floor(size[1] * zoom + 0.5), math.floor(size[0] * zoom + 0.5), 3)
    expected = np.floor((np.arange(found.shape[1])) / zoom)
    # Half a pixel of the result, and the whole pixel of the frame that nearest scaling rounds by.
    assert np.abs(found[..., 0] - expected).max() <= 0.5 / zoom + 1


def test_a_frame_smaller_than_a_pixel_of_the_output_still_gives_one():
    assert scaled(0.25)(picture((1, 1))).shape == (1, 1, 3)


def test_a_small_frame_is_mirrored_at_its_right_and_lower_edge():
    spec = TensorSpec("image", (1, HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    tiler = TilePreprocessor(spec, InputFormat(colour="BGR", raw=True, resize="tile"))
    frame = picture((5, 3))
    prepared = tiler(frame)
    expected = np.pad(frame, ((0, HEIGHT - 3), (0, WIDTH - 5), (0, 0)), "symmetric")
    np.testing.assert_array_equal(prepared.tensor, expected)
    assert (prepared.placement.frame, prepared.placement.input) == ((5, 3), (WIDTH, HEIGHT))
    assert prepared.placement.scale == (1.0, 1.0)


def test_each_window_is_run_once():
    spec = TensorSpec("image", (1, HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    tiler = TilePreprocessor(spec, InputFormat(colour="BGR", raw=True, resize="tile"))
    places = []

    def run(prepared):
        assert prepared.placement.frame == prepared.placement.input == (WIDTH, HEIGHT)
        places.append(tuple(prepared.tensor[0, 0, 0, :2]))
        return Result("segment", mask=Mask(np.zeros((HEIGHT, WIDTH), np.uint8), ("a", "b")))

    frame = np.zeros((30, 40, 3), np.uint8)
    frame[..., 0], frame[..., 1] = np.arange(40), np.arange(30)[:, None]
    assert tiler.infer(tiler(frame), run).mask.classes.shape == (30, 40)
    # 40 columns in windows of 16 with steps of at most 14, 30 rows in windows of 12 with steps of at most 10.
    assert places == [(x, y) for y, x in itertools.product((0, 9, 18), (0, 12, 24))]


def test_the_names_and_the_type_of_a_mask_are_those_of_its_richest_window():
    """A map of class numbers names as many classes as it holds, window by window."""
    spec = TensorSpec("image", (1, HEIGHT, WIDTH, 3), np.dtype(np.uint8))
    tiler = TilePreprocessor(spec, InputFormat(colour="BGR", raw=True, resize="tile"))
    masks = iter(
        [Mask(np.zeros((HEIGHT, WIDTH), np.uint8), ("0",)), Mask(np.full((HEIGHT, WIDTH), 300, np.uint16), ("0", "1"))]
    )
    mask = tiler.infer(tiler(picture((24, 12))), lambda prepared: Result("segment", mask=next(masks))).mask
    assert mask.labels == ("0", "1")
    np.testing.assert_array_equal(mask.classes[0], [0] * 12 + [300] * 12)


def test_a_picture_by_name_must_be_one_window(tmp_path):
    with network(tmp_path, parameters={"activation": "none"}) as session:
        (name,) = (entry.name for entry in session.signature.inputs)
        assert session({name: picture((WIDTH, HEIGHT))}).mask.classes.shape == (HEIGHT, WIDTH)
        with pytest.raises(InputError, match=r"takes tiles: .* of its size 16x12, got 40x30; give the picture alone"):
            session({name: picture((40, 30))})


@pytest.mark.parametrize("task", ["classify", "detect", "keypoints", "embed", "regress", "raw"])
def test_a_task_whose_results_cannot_be_joined_is_refused(task):
    entry = Input("image", "image", (1, 8, 8, 3), "float32", InputFormat(resize="tile"))
    signature = Signature((entry,), (Output("y", "tensor", (1, 4)),), TaskSpec(task))
    with pytest.raises(InputError, match=f"as segment and image do, got task {task}; state resize stretch, letterbox"):
        tiles.check(signature)


def test_only_one_image_goes_into_a_network_on_tiles():
    form, outputs = InputFormat(resize="tile"), (Output("y", "mask", (1, 8, 8, 2)),)
    image = Input("image", "image", (1, 8, 8, 3), "float32", form)
    clip = Input("clip", "image", (1, 4, 8, 8, 3), "float32", form)
    for inputs in ((image, Input("age", "tensor", (1, 1))), (clip,)):
        with pytest.raises(InputError, match="whose only input is one image, got "):
            tiles.check(Signature(inputs, outputs, TaskSpec("segment")))


@pytest.mark.parametrize(
    ("task", "words"), [("segment", "state the parameter activation"), ("image", r"state the parameter range")]
)
def test_what_one_window_cannot_tell_must_be_stated(tmp_path, task, words):
    with pytest.raises(InputError, match=words):
        network(tmp_path, task)


def test_a_classifier_s_file_is_refused_before_it_runs(tmp_path):
    with pytest.raises(InputError, match="got task classify"):
        edge.load(fake_model(tmp_path), backend="fake", task="classify", resize="tile")


def test_one_window_without_numbers_is_no_result(tmp_path):
    with network(tmp_path, "image", parameters={"range": [0, 1]}) as session:
        run, left = session.model.run, iter(range(9))

        def broken_once(arrays):
            return [np.full_like(found, np.nan) if next(left) == 4 else found for found in run(arrays)]

        session.model.run = broken_once
        with pytest.raises(BrokenOutput):
            session(picture((40, 30)))


def test_a_manifest_states_tiles(tmp_path):
    """A bundle with tiles is read back with them, and runs on them."""
    from edge.bundle import open_bundle, write_bundle
    from edge.manifest import Artifact, Manifest, StoredFile

    shape = (1, HEIGHT, WIDTH, 1)
    file = fake_model(tmp_path, shape, "float32", [{"name": "same", "shape": shape, "dtype": "float32"}])
    form = InputFormat("GRAY", (0.0,), (255.0,), "tile")
    parameters = {"activation": "none"}
    signature = Signature(
        (Input("image", "image", shape, "float32", form),),
        (Output("same", "mask", shape),),
        TaskSpec("segment", None, parameters),
    )
    artifact = Artifact("fake", "float32", (StoredFile(file.name),))
    path = tmp_path / "net.bundle"
    write_bundle(path, Manifest("net", signature, ("dark", "bright"), (artifact,)), {file.name: file})
    assert json.loads((path / "manifest.json").read_text())["signature"]["inputs"][0]["format"]["resize"] == "tile"
    assert open_bundle(path).manifest.signature == signature
    frame = picture((50, 30))
    with edge.load(path, backend="fake") as session:
        np.testing.assert_array_equal(session(frame).mask.classes, frame[..., 0] >= 127.5)
