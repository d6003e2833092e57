"""The annotated video: its frames, rate and size; complete or absent."""

import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from edge.errors import FileError, InputError
from edge.pipeline import Loop
from edge.results import Prediction, Result
from edge.sinks import clip_encoders
from edge.sinks.clip_encoders import has_ffmpeg
from edge.sinks.context import Context
from edge.sinks.record import LIVE_FPS, Record
from edge.video import Capture
from tests.loops import BandsNetwork, ListSource, event, frame, picture

RESULT = Result(predictions=(Prediction("star", 0.9, 0),))
Usage = namedtuple("Usage", "total used free")


def source(live=False, fps=None):
    made = ListSource([], live)
    made.fps = fps
    return made


def read(path):
    with Capture(str(path)) as capture:
        frames = []
        while (image := capture.read()) is not None:
            frames.append(image)
        return frames, capture.fps


@pytest.mark.parametrize(
    ("suffix", "ffmpeg"),
    [
        (".avi", False),
        (".mp4", False),
        pytest.param(".mp4", True, marks=pytest.mark.skipif(not has_ffmpeg(), reason="needs ffmpeg with libx264")),
    ],
)
def test_every_frame_once_at_the_rate_of_the_file(tmp_path, monkeypatch, suffix, ffmpeg):
    monkeypatch.setattr("edge.sinks.clip_encoders.has_ffmpeg", lambda: ffmpeg)
    path = tmp_path / f"out{suffix}"
    with Record(str(path), source(fps=12.0)) as sink:
        for number in range(8):
            sink.emit(event(number, RESULT, image=picture(number % 4, (160, 128))))
    frames, fps = read(path)
    assert (len(frames), fps, frames[0].shape) == (8, 12.0, (128, 160, 3))
    bright = [int(image[:, 150].reshape(4, 32, 3).mean((1, 2)).argmax()) for image in frames]
    assert bright == [0, 1, 2, 3] * 2
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert (b"avc1" in path.read_bytes()) is ffmpeg  # the mark of H.264


def test_a_live_recording_plays_at_the_speed_of_life(tmp_path):
    path = tmp_path / "out.avi"
    step = round(1e9 / LIVE_FPS)
    times = [0, 1, 2, 2, 5, 6]  # in video frames: one comes twice, two are late
    with Record(str(path), source(live=True)) as sink:
        for number, due in enumerate(times):
            sink.emit(event(number, RESULT, captured_ns=10**18 + due * step))
    frames, fps = read(path)
    assert fps == LIVE_FPS
    assert len(frames) == times[-1] + 1


def test_the_first_live_frame_is_always_in_it(tmp_path):
    """Nanoseconds since 1970 need more digits than a float has."""
    for number in range(20):
        path = tmp_path / f"{number}.avi"
        with Record(str(path), source(live=True)) as sink:
            sink.emit(event(0, RESULT, captured_ns=1_795_221_141_695_358_001 + number))
        assert len(read(path)[0]) == 1


def test_a_long_stall_is_not_filled_with_hours_of_one_frame(tmp_path):
    path = tmp_path / "out.avi"
    with Record(str(path), source(live=True)) as sink:
        for number, second in enumerate((0, 3600, 3601)):
            sink.emit(event(number, RESULT, captured_ns=10**18 + second * 10**9))
    assert len(read(path)[0]) <= 1 + 2 * LIVE_FPS


def test_other_sizes_are_fitted_into_the_first(tmp_path):
    path = tmp_path / "out.avi"
    with Record(str(path), source()) as sink:
        sink.emit(event(0, RESULT, image=np.full((48, 65, 3), 99, np.uint8)))
        sink.emit(event(1, RESULT, image=np.full((200, 50, 3), 255, np.uint8)))
    frames, _ = read(path)
    assert [f.shape for f in frames] == [(48, 64, 3)] * 2
    assert frames[1][:, :16].max() < 30
    assert frames[1][24, 32].min() > 220


def test_the_frame_itself_is_left_alone(tmp_path):
    one = event(0, RESULT, image=picture(0, (320, 240)))
    with Record(str(tmp_path / "out.avi"), source()) as sink:
        sink.emit(one)
    np.testing.assert_array_equal(one.frame.pixels, picture(0, (320, 240)))


def test_no_frame_no_file(tmp_path):
    with Record(str(tmp_path / "out.avi"), source()):
        pass
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    sink = Record(str(tmp_path / "out.avi"), source())
    sink.emit(event(result=RESULT))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 30, 1 << 30, 4096))
    for number in range(1, 16):
        sink.emit(event(number, RESULT))
    with pytest.raises(FileError, match=r"cannot write .*/out\.avi: the disk is full: 4 KiB left"):
        sink.emit(event(16, RESULT))
    sink.close()
    assert not list(tmp_path.iterdir())


def test_frames_that_never_reached_the_disk_are_noticed(tmp_path, monkeypatch):
    sink = Record(str(tmp_path / "out.avi"), source())
    sink.emit(event(result=RESULT))
    monkeypatch.setattr("edge.video.frame_count", lambda _: 0)
    with pytest.raises(FileError, match="0 of 1 frames are in it; the disk may be full"):
        sink.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("target", "error", "line"),
    [
        ("out.gif", InputError, r"must end in \.avi or \.mp4, got"),
        ("file/out.avi", FileError, "cannot write"),
        ("folder.avi", FileError, "it is a folder"),
    ],
)
def test_a_target_that_cannot_be_written_is_known_at_once(tmp_path, target, error, line):
    (tmp_path / "file").touch()
    (tmp_path / "folder.avi").mkdir()
    with pytest.raises(error, match=line):
        Record(str(tmp_path / target), source())


HANGING = {
    "it takes no frame": "exec sleep 300",
    "it takes all and does not end": "cat > /dev/null; exec sleep 300",
}


@pytest.mark.parametrize("program", HANGING.values(), ids=HANGING)
@pytest.mark.parametrize("live", [False, True], ids=["file", "camera"])
def test_an_encoder_that_hangs_ends_the_run_with_one_line(tmp_path, monkeypatch, program, live):
    """The process is killed, nothing remains, and the run ends without a signal."""
    monkeypatch.setattr(clip_encoders, "has_ffmpeg", lambda: True)
    monkeypatch.setattr(clip_encoders, "_command", lambda *_: ["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; {program}"])
    monkeypatch.setattr(clip_encoders, "WRITE_SECONDS", 0.3)
    monkeypatch.setattr(clip_encoders, "FINISH_SECONDS", 0.3)
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)  # a JPEG of more than a pipe holds
    frames = [frame(index, noise, captured_ns=10**18 + index * 40_000_000) for index in range(12)]
    loop = Loop(ListSource(frames, live), BandsNetwork())
    with pytest.raises(FileError, match=r"cannot write .*out\.mp4: ffmpeg"):
        loop.run([Record(str(tmp_path / "out.mp4"), loop.context)])
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]


def test_a_slow_end_goes_on_as_long_as_the_file_changes(tmp_path, monkeypatch):
    out = tmp_path / "out.mp4"
    grow = f"cat > /dev/null; for i in 1 2 3 4 5 6; do sleep 0.1; echo $i >> {out}; done"
    monkeypatch.setattr(clip_encoders, "_command", lambda *_: ["/bin/sh", "-c", grow])
    monkeypatch.setattr(clip_encoders, "FINISH_SECONDS", 0.3)
    with clip_encoders.open_encoder(out, (64, 48), 10.0, out) as encoder:
        encoder.write(b"picture")
    assert out.read_text().split() == list("123456")


def test_several_sources_are_no_recording(tmp_path):
    """Their frames would alternate in one file, in the size of the first, and nobody could tell them apart."""
    context = Context([ListSource([], name="door"), ListSource([], name="yard")])
    with pytest.raises(InputError, match="a recording is of one source"):
        Record(str(tmp_path / "two.avi"), context)
    assert not list(tmp_path.iterdir())
