"""Rotation, flip and region, against numpy on the whole frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.frames import Frame
from edge.sources.base import Source
from edge.sources.options import SourceOptions
from edge.sources.transformed import Transformed, transform

SHAPES = {
    "BGR": lambda h, w: (h, w, 3),
    "GRAY": lambda h, w: (h, w),
    "I420": lambda h, w: (h * 3 // 2, w),
    "NV12": lambda h, w: (h * 3 // 2, w),
    "YUYV": lambda h, w: (h, w, 2),
}


def frame_of(form, height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, SHAPES[form](height, width), np.uint8)
    return Frame(pixels, form, 3, 5, "arrival", "cam")


def expected(image, options, step):
    """What the definition says: rotate the whole, then flip it, then cut it at multiples of ``step``."""
    image = np.rot90(image, -options.rotate // 90)
    image = {"": image, "horizontal": image[:, ::-1], "vertical": image[::-1]}[options.flip]
    height, width = image.shape[:2]
    x0, y0, x1, y1 = options.region or (0, 0, 1, 1)
    left, right = (step * round(x * width / step) for x in (x0, x1))
    top, bottom = (step * round(y * height / step) for y in (y0, y1))
    left, top = min(left, width - step), min(top, height - step)
    return image[top : max(bottom, top + step), left : max(right, left + step)]


fractions = st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted)
choices = st.builds(
    lambda rotate, flip, x, y: SourceOptions(rotate=rotate, flip=flip, region=(x[0], y[0], x[1], y[1])),
    st.sampled_from([0, 90, 180, 270]),
    st.sampled_from(["", "horizontal", "vertical"]),
    fractions,
    fractions,
)


@given(choices, st.sampled_from(sorted(SHAPES)), st.integers(1, 20), st.integers(1, 20))
def test_it_is_what_the_definition_says(options, form, half_height, half_width):
    frame = frame_of(form, 2 * half_height, 2 * half_width)
    turned = form == "YUYV" and (options.rotate or options.flip)
    pixels, got = transform(frame, options)
    assert got == ("BGR" if turned else form)
    image = Frame(pixels, got, 0, 0, "arrival", "").bgr
    np.testing.assert_array_equal(image, expected(frame.bgr, options, 1 if got in ("BGR", "GRAY") else 2))


@pytest.mark.parametrize("form", ["BGR", "GRAY", "YUYV"])
def test_a_region_alone_copies_no_pixels(form):
    frame = frame_of(form, 48, 64)
    pixels, _ = transform(frame, SourceOptions(region=(0.25, 0.25, 0.75, 0.75)))
    assert np.shares_memory(pixels, frame.pixels)
    assert pixels.shape[:2] == (24, 32)


def test_an_odd_frame_is_cut_and_turned_to_its_last_pixel():
    frame = frame_of("BGR", 7, 5)
    options = SourceOptions(rotate=270, flip="vertical", region=(0.0, 0.4, 0.5, 1.0))
    np.testing.assert_array_equal(transform(frame, options)[0], expected(frame.bgr, options, 1))


class Two(Source):
    """A source with two frames, one of which has a name of its own."""

    name, live, fps, lost_frames = "cam", False, 12.5, 4

    def __init__(self):
        self.closed = False

    def __iter__(self):
        yield frame_of("GRAY", 4, 6)
        yield Frame(np.zeros((4, 6), np.uint8), "GRAY", 4, 6, "decode", "photos/a.png", position=0.5)

    def close(self):
        self.closed = True


def test_all_else_is_that_of_the_source():
    inner = Two()
    with Transformed(inner, SourceOptions(name="door", rotate=90)) as source:
        assert (source.name, source.live, source.fps, source.lost_frames) == ("door", False, 12.5, 4)
        first, second = source
    assert inner.closed
    assert (first.index, first.captured_ns, first.age_clock, first.source, first.size) == (
        3,
        5,
        "arrival",
        "door",
        (4, 6),
    )
    assert (second.source, second.position) == ("photos/a.png", 0.5)


def test_without_a_name_the_source_keeps_its_own():
    source = Transformed(Two(), SourceOptions(flip="horizontal"))
    assert (source.name, next(iter(source)).source) == ("cam", "cam")
