"""Recordings around events: which frames they hold, how long they are, and what happens when they cannot be written."""

import json
import os
import re
import shutil
import subprocess
from collections import namedtuple

import numpy as np
import pytest

from edge.backoff import Backoff
from edge.errors import FileError, InputError
from edge.results import Prediction, Result
from edge.sinks import clip_encoders, clip_writer, event_clips, open_sink
from edge.sinks.context import Context
from edge.sinks.queued import Queued
from edge.video import Capture
from tests.loops import ListSource, event, picture

Usage = namedtuple("Usage", "total used free")
PERSON = (Prediction("person", 0.7, 0),)
FPS = 10.0

needs_ffmpeg = pytest.mark.skipif(not clip_encoders.has_ffmpeg(), reason="needs the program ffmpeg with libx264")
both_forms = pytest.mark.parametrize("form", ["avi", pytest.param("mp4", marks=needs_ffmpeg)])


def source(live=False):
    made = ListSource([], live)
    made.fps = None if live else FPS
    return made


def level(index):
    """Return a frame whose grey level tells its index."""
    return np.full((48, 64, 3), 20 + 3 * index, np.uint8)


def record(folder, hits, form="avi", live=False, images=level, **options):
    """Record frames at 10 frames/s. Those whose index is in ``hits`` show a person."""
    options = {"on": ["person"], "hold": 0.0, "pre_roll": 0.0, "post_roll": 0.0, "format": form, **options}
    with open_sink("clips", str(folder), source(live), {"annotate": False, "fps": FPS, **options}) as sink:
        for index in range(max(hits, default=0) + 40):
            captured = 10**18 + index * 100_000_000
            result = Result(predictions=PERSON * (index in hits), captured_ns=captured, source="cam", frame=index)
            sink.emit(event(index, result, image=images(index), captured_ns=captured))
    return [read(path) for path in sorted(folder.iterdir())]


def read(path):
    """Return the indices of a clip's frames by their grey level."""
    with Capture(str(path)) as capture:
        assert capture.fps == pytest.approx(FPS)
        found = []
        while (image := capture.read()) is not None:
            found.append(round((float(image.mean()) - 20) / 3))
        return found


@both_forms
def test_a_clip_begins_before_and_ends_after_its_event(tmp_path, form):
    (clip,) = record(tmp_path, range(20, 26), form, pre_roll=1.0, post_roll=0.5)
    assert clip[0] == 10
    assert clip == list(range(10, 31))  # the event ends with frame 26, the clip 5 frames later
    (path,) = tmp_path.iterdir()
    assert re.fullmatch(rf"20010909T014642\.000Z_list_person\.{form}", path.name)


def test_events_that_follow_closely_share_a_clip(tmp_path):
    (clip,) = record(tmp_path, [5, 9, 14], post_roll=0.6)
    assert clip == list(range(5, 21))


def test_events_apart_have_clips_of_their_own_without_common_frames(tmp_path):
    one, other = record(tmp_path, [5, 12], pre_roll=5.0, post_roll=0.3)
    assert one == list(range(9))
    assert other == list(range(9, 16))


def test_a_long_event_goes_on_in_a_new_clip(tmp_path):
    clips = record(tmp_path, range(5, 30), max_length=1.0)
    assert clips == [list(range(5, 15)), list(range(15, 25)), list(range(25, 30))]


def test_a_live_source_s_clip_plays_in_time(tmp_path):
    options = {"on": ["any"], "annotate": False, "fps": FPS, "format": "avi"}
    tenths = (0, 1, 2, 5, 6, 6, 7)  # two frames are missing, one is too soon
    with open_sink("clips", str(tmp_path), source(live=True), options) as sink:
        for index, tenth in enumerate(tenths):
            captured = 10**18 + tenth * 100_000_000
            result = Result(predictions=PERSON, captured_ns=captured)
            sink.emit(event(index, result, image=level(tenth), captured_ns=captured))
    (path,) = tmp_path.iterdir()
    assert read(path) == [0, 1, 2, 5, 5, 5, 6, 7]


def test_the_memory_of_the_pre_roll_is_bounded(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    options = {"on": ["person"], "pre_roll": 600.0, "memory_mb": 1.0, "annotate": False}
    with open_sink("clips", str(tmp_path), source(), options) as sink:
        for index in range(20):
            sink.emit(event(index, Result(), image=noise))
        (recorder,) = sink._of.values()
        kept = sum(len(shot.picture) for shot in recorder.ring)
        assert 1 <= len(recorder.ring) < 20
        assert kept == recorder.ring_bytes <= 1 << 20


@both_forms
def test_frames_of_other_sizes_are_fitted_into_the_first(tmp_path, form):
    def images(index):
        return np.full((48, 65, 3) if index < 6 else (100, 30, 3), 200, np.uint8)

    record(tmp_path, range(5, 9), form, images=images)
    (path,) = tmp_path.iterdir()
    with Capture(str(path)) as capture:
        shapes = [capture.read() for _ in range(4)]
    assert [image.shape for image in shapes] == [(48, 64, 3)] * 4
    assert shapes[3][24, 32].min() > 180
    assert shapes[3][:, :8].max() < 40


@needs_ffmpeg
def test_the_mp4_is_what_browsers_play(tmp_path):
    if shutil.which("ffprobe") is None:
        pytest.skip("needs the program ffprobe")
    record(tmp_path, [3, 4, 5], "mp4")
    (path,) = tmp_path.iterdir()
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    (stream,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["nb_frames"]) == ("h264", "yuv420p", "3")
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it begins to play before it is loaded


@needs_ffmpeg
def test_no_program_is_left(tmp_path):
    before = _children()
    record(tmp_path, range(5, 60, 6), "mp4", images=lambda i: picture(i % 4))
    assert _children() == before


def _children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(file.read().split())


def test_no_event_no_file(tmp_path):
    assert record(tmp_path, []) == []


def test_the_folder_s_limit_holds(tmp_path):
    clips = record(tmp_path, range(5, 60, 3), max_total_mb=0.05, images=lambda i: picture(i % 4, (320, 240)))
    assert 1 <= len(clips) < 19
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 0.05 * (1 << 20)


def test_a_full_disk_is_said_once_and_recording_goes_on_when_there_is_room(tmp_path, monkeypatch, capsys):
    context = Context([source(live=True)])
    sink = open_sink("clips", str(tmp_path), context, {"on": ["any"], "format": "avi", "annotate": False})
    free, asked = [4096], []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: asked.append(1) or Usage(1 << 40, 1 << 30, free[0]))
    result = Result(predictions=PERSON, captured_ns=10**18)
    with Queued(sink, True, context.stats, backoff=Backoff(0.001, 0.001)) as queued:
        queued.emit(event(0, result))
        while len(asked) < 5:
            queued._ending.wait(0.01)
        free[0] = 1 << 39
    assert len(list(tmp_path.iterdir())) == 1
    counted = context.stats.snapshot()
    assert counted.errors_by_sink["clips"] >= 4
    assert counted.lost == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == ["sink clips", "sink clips"]
    assert "the disk is full: 4 KiB left" in said[0]
    assert "back after" in said[1]


def test_an_encoder_that_fails_again_and_again_is_said_once(tmp_path, monkeypatch, capsys):
    """Each attempt takes frames before it fails, so that taking a frame is no sign that clips are written again."""
    program = ["exit 7;"]
    monkeypatch.setattr(clip_encoders, "has_ffmpeg", lambda: True)
    monkeypatch.setattr(clip_encoders, "_command", lambda path, *_: ["/bin/sh", "-c", f"{program[0]} {path}"])
    context = Context([source(live=True)])
    sink = open_sink("clips", str(tmp_path), context, {"on": ["any"], "format": "mp4", "max_length": 1.0})
    result, index = Result(predictions=PERSON, captured_ns=10**18), 0
    with Queued(sink, True, context.stats, backoff=Backoff(0.001, 0.001)) as queued:
        while context.stats.snapshot().errors_by_sink.get("clips", 0) < 5:
            queued.emit(event(index, result, captured_ns=10**18 + index * 10**8))
            index += 1
            queued._ending.wait(0.005)
        assert len(capsys.readouterr().err.splitlines()) == 1
        program[0] = "cat >"
        said = ""
        while not said and index < 4000:
            queued.emit(event(index, result, captured_ns=10**18 + index * 10**8))
            index += 1
            queued._ending.wait(0.005)
            said = capsys.readouterr().err
    assert said.startswith("sink clips: back after ")
    assert capsys.readouterr().err == ""


@needs_ffmpeg
def test_a_program_that_is_killed_costs_one_clip(tmp_path):
    context = Context([source(live=True)])
    options = {"on": ["any"], "format": "mp4", "annotate": False}
    sink = open_sink("clips", str(tmp_path), context, options)
    result = Result(predictions=PERSON, captured_ns=10**18)
    with sink:
        sink.emit(event(0, result, captured_ns=10**18))
        (recorder,) = sink._of.values()
        writer = recorder.writer
        while writer._encoder is None:
            writer._thread.join(0.01)
        writer._encoder.kill()
        with pytest.raises(FileError, match=r"cannot write .*any\.mp4: ffmpeg"):
            _emit_until_it_raises(sink, writer)
        sink.emit(event(2000, result, captured_ns=10**18 + 2000 * 10**8))
    assert len(list(tmp_path.iterdir())) == 1  # the clip in which the event went on


def _emit_until_it_raises(sink, writer):
    result = Result(predictions=PERSON, captured_ns=10**18)
    for index in range(1, 2000):
        sink.emit(event(index, result, image=level(index % 50), captured_ns=10**18 + index * 10**8))
        writer._thread.join(0.01)


@needs_ffmpeg
def test_an_encoder_that_hangs_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(event_clips, "CLOSE_SECONDS", 0.3)
    monkeypatch.setattr(clip_encoders, "_command", lambda *_: ["sleep", "60"])
    context = Context([source(live=True)])
    before = _children()
    sink = open_sink("clips", str(tmp_path), context, {"on": ["any"], "fps": 240.0, "format": "mp4"})
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for index in range(300):
        result = Result(predictions=PERSON, captured_ns=10**18)
        sink.emit(event(index, result, image=noise, captured_ns=10**18 + index * 5_000_000))
    with pytest.raises(FileError, match="cannot write"):
        sink.close()
    assert context.stats.snapshot().lost_by_sink["clips"] > 100
    assert not list(tmp_path.iterdir())
    assert _children() == before


@needs_ffmpeg
def test_an_encoder_that_hangs_ends_the_run_over_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_writer, "HANG_SECONDS", 0.2)
    monkeypatch.setattr(clip_encoders, "_command", lambda *_: ["sleep", "60"])
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    before = _children()
    with pytest.raises(FileError, match=r"the encoder took no frame for 0\.2 s|ffmpeg: exit code"):
        record(tmp_path, range(300), "mp4", images=lambda index: noise)
    assert not list(tmp_path.iterdir())
    assert _children() == before


def test_without_ffmpeg_it_is_said_and_motion_jpeg(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(clip_encoders, "has_ffmpeg", lambda: False)
    with open_sink("clips", str(tmp_path), source(), {"on": ["any"]}) as sink:
        sink.emit(event(0, Result(predictions=PERSON)))
    assert [path.suffix for path in tmp_path.iterdir()] == [".avi"]
    assert "Motion JPEG in .avi, because ffmpeg with libx264 is not installed" in capsys.readouterr().err
    with pytest.raises(InputError, match="clips in mp4 need the program ffmpeg"):
        open_sink("clips", str(tmp_path), source(), {"format": "mp4"})


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"pre_roll": -1}, "pre_roll must be from 0 to 600, got -1"),
        ({"fps": 0}, "fps must be from 0.1 to 240, got 0"),
        ({"max_total_mb": 0}, "max_total_mb must be above 0"),
        ({"format": "mkv"}, "format must be one of 'auto', 'mp4', 'avi', got 'mkv'"),
    ],
)
def test_other_values_are_one_line(tmp_path, options, line):
    with pytest.raises(InputError, match=line):
        open_sink("clips", str(tmp_path), source(), options)
