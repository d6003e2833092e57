"""What every source in the table must do; a new one is covered as soon as it is listed."""

import itertools
import re
import threading
from typing import get_args

import cv2
import numpy as np
import pytest

from edge.errors import InputError
from edge.frames import AgeClock, Frame
from edge.scenes import write_clip
from edge.sources import SOURCES, open_source
from edge.sources.options import SourceOptions
from tests.loops import picture
from tests.sources.mjpeg import Server

COUNT = 6


@pytest.fixture
def server():
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def text(request, tmp_path, server):
    """What opens the source of this name here; each gives at least COUNT frames."""
    name = request.param
    if missing := SOURCES[name].missing():
        pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    if name == "camera" and not cv2.VideoCapture("/dev/video0", cv2.CAP_V4L2).isOpened():
        pytest.skip("no camera is connected at /dev/video0")
    write_clip(tmp_path / "clip.avi", frames=COUNT, size=(64, 48))
    for number in range(COUNT):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number % 4))
    return {
        "video": str(tmp_path / "clip.avi"),
        "images": str(tmp_path),
        "camera": "0",
        "stream": f"http://127.0.0.1:{server.port}/video",
        "synthetic": "synthetic:64x48@200",
        "picamera": "picamera:640x480@30",
    }[name]


every_source = pytest.mark.parametrize("text", list(SOURCES), indirect=True)


@every_source
def test_frames_are_pictures_with_rising_numbers_and_times(text):
    with open_source(text) as source:
        frames = list(itertools.islice(source, COUNT))
    assert len(frames) == COUNT
    for frame in frames:
        assert isinstance(frame, Frame)
        assert frame.bgr.dtype == np.uint8
        assert frame.bgr.shape == (frame.size[1], frame.size[0], 3)
        assert frame.age_clock in get_args(AgeClock)
        assert frame.source
    indices = [frame.index for frame in frames]
    assert indices == (sorted(set(indices)) if source.live else list(range(COUNT)))
    times = [frame.captured_ns for frame in frames]
    assert times == sorted(times)


@every_source
def test_it_says_what_it_is(text):
    with open_source(text) as source:
        assert source.name
        assert source.live in (True, False)
        assert source.fps is None or source.fps > 0
        assert not (source.live and source.fps)


@every_source
def test_frames_do_not_share_their_pixels(text):
    with open_source(text) as source:
        first, second = itertools.islice(source, 2)
    before = second.pixels.copy()
    first.pixels[:] = 0
    np.testing.assert_array_equal(second.pixels, before)


@every_source
def test_closing_from_another_thread_ends_the_iteration(text):
    source = open_source(text)
    begun = threading.Event()

    def read():
        for _ in source:
            begun.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(30)
    source.close()
    thread.join(30)
    assert not thread.is_alive()


@every_source
def test_closing_twice_and_before_any_frame_does_nothing(text):
    source = open_source(text)
    source.close()
    source.close()
    assert list(source) == []


@every_source
def test_only_files_end_by_themselves(text):
    with open_source(text) as source:
        count = sum(1 for _ in itertools.islice(source, COUNT + 1))
    assert count == (COUNT + 1 if source.live else COUNT)


TRANSFORMS = {
    "rotate": (SourceOptions(rotate=90), lambda size: size[::-1]),
    "flip": (SourceOptions(flip="vertical"), lambda size: size),
    "region": (SourceOptions(region=(0.0, 0.0, 0.5, 1.0)), lambda size: (size[0] // 2, size[1])),
}


@every_source
@pytest.mark.parametrize(("options", "of"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_every_source_has_the_options_that_change_frames(text, options, of):
    with open_source(text) as plain:
        first = next(iter(plain))
        attributes = (plain.name, plain.live, plain.fps)
    with open_source(text, options) as source:
        assert (source.name, source.live, source.fps) == attributes
        frames = list(itertools.islice(source, 2))
    for frame in frames:
        assert frame.size == of(first.size)
        assert frame.bgr.shape == (frame.size[1], frame.size[0], 3)
        assert frame.age_clock == first.age_clock


@every_source
def test_every_source_takes_a_name(text):
    with open_source(text) as plain, open_source(text, SourceOptions(name="yard")) as source:
        frame, named = next(iter(plain)), next(iter(source))
        assert source.name == "yard"
    assert named.source == ("yard" if frame.source == plain.name else frame.source)


@every_source
def test_every_source_counts_lost_frames_from_none(text):
    for options in (SourceOptions(), SourceOptions(rotate=180)):
        with open_source(text, options) as source:
            next(iter(source))
            assert source.lost_frames == 0


@every_source
def test_an_option_that_no_source_has_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="flavour") as caught:
        open_source(text, SourceOptions(options={"flavour": "sweet"}))
    assert "\n" not in str(caught.value)


@every_source
def test_it_plays_in_real_time_or_says_why_not(text):
    options = SourceOptions(realtime=True)
    try:
        source = open_source(text, options)
    except InputError as error:
        assert re.search("real ?time", str(error))  # noqa: PT017 - one of two answers
        return
    with source:
        assert source.live
        frames = list(itertools.islice(source, COUNT + 1))
    assert frames[-1].index == COUNT - 1
    assert {frame.age_clock for frame in frames} == {"pts"}
