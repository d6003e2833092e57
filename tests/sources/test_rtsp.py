"""RTSP from a real server, whose pictures tell when they were drawn: true ages, reported ages, passwords, restarts."""

import re
import statistics
import threading
import time
from itertools import islice
from types import SimpleNamespace

import pytest

from edge.errors import FileError, InputError, MissingExtra
from edge.sources.options import SourceOptions
from edge.sources.stream import open_stream
from edge.sources.stream_options import RtspOptions
from tests.sources.rtsp import Server, drawn_time, needs_server

FEW = 90


def aged(source, count):
    """Return the clock, the reported age and the true age in seconds of ``count`` frames, when they are received."""
    rows = []
    for frame in islice(source, count):
        reported = frame.age_ns() / 1e9
        rows.append((frame.age_clock, reported, time.time() - drawn_time(frame.bgr)))
    return rows


@needs_server
@pytest.mark.parametrize("codec", ["h264", "jpeg"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_age_by_the_sender_is_the_true_age(codec, transport):
    options = SourceOptions(options={"transport": transport})
    with Server(codec=codec) as server, open_stream(server.address, options) as source:
        rows = aged(source, 4 * FEW)
    by_sender = [(reported, true) for clock, reported, true in rows if clock == "sender"]
    assert len(by_sender) >= FEW, {clock for clock, *_ in rows}
    assert statistics.median(true for _, true in by_sender) <= 0.150
    assert statistics.median(abs(reported - true) for reported, true in by_sender) <= 0.050


@needs_server
@pytest.mark.parametrize("reader", ["av", "opencv"])
def test_each_reader_shows_the_same_pictures(reader):
    with Server() as server, open_stream(server.address, SourceOptions(options={"reader": reader})) as source:
        frames = list(islice(source, 5))
    assert {frame.size for frame in frames} == {(640, 480)}
    assert all(abs(time.time() - drawn_time(frame.bgr)) < 30 for frame in frames)
    assert frames[0].age_clock in ("decode", "pts")
    assert 30 < frames[-1].bgr[300:].mean() < 70  # drawn as 0x30 in luma


@needs_server
def test_the_password_opens_the_stream_and_is_never_shown(monkeypatch, capsys):
    monkeypatch.setenv("CAMERA_PASSWORD", "s3cret/@")
    with Server(login="me:s3cret/@") as server:
        address = server.address.replace("rtsp://", "rtsp://me:${CAMERA_PASSWORD}@")
        with open_stream(address) as source:
            frame = next(iter(source))
        assert frame.source == source.name == server.address
        monkeypatch.setenv("CAMERA_PASSWORD", "wr0ng")
        lines = []
        refused = open_stream(address)
        refused._report = lambda line: (lines.append(line), refused.close())
        assert list(refused) == []
    assert "401" in lines[0]
    assert "wr0ng" not in lines[0] + repr(refused)
    assert capsys.readouterr() == ("", "")


@needs_server
def test_a_killed_server_is_noticed_before_it_could_stall():
    lines, failed = [], threading.Event()

    def report(line):
        lines.append(line)
        failed.set()

    with Server() as server, open_stream(server.address) as source:
        source._report = report
        frames = iter(source)
        next(frames)
        before = source.stalls  # the server's first answer may have taken too long
        lines.clear()
        failed.clear()
        server.kill()
        reading = threading.Thread(target=lambda: list(frames))
        reading.start()
        assert failed.wait(1.5)  # before a stall could be noticed
        source.close()
        reading.join()
    assert (source.stalls, source.delivering) == (before, False)
    assert source.errors >= 1
    assert "stopped giving frames" in lines[0] or "has ended" in lines[0]


@needs_server
@pytest.mark.slow
def test_a_wrong_clock_of_the_sender_is_said_once_and_not_believed(monkeypatch):
    from edge.sources import rtsp

    ahead = SimpleNamespace(time=lambda: time.time() + 100.0, monotonic=time.monotonic)
    monkeypatch.setattr(rtsp, "time", ahead)
    lines = []
    with Server() as server, rtsp.RtspDevice(server.address, "yard", RtspOptions(), lines.append) as device:
        clocks = []
        for _ in range(4 * FEW):
            device.read()
            clocks.append((device.age_clock, device.age < 5.0))
    assert set(clocks[1:]) == {("pts", True)}
    assert len(lines) == 1
    assert "source yard: its clock differs by +100" in lines[0]


def test_a_picture_that_cannot_be_decoded_is_counted_and_the_next_one_read(tmp_path):
    """FFmpeg reads a file as it reads a stream; Motion JPEG shows each picture by itself."""
    from edge.scenes import write_clip
    from edge.sources.rtsp import RtspDevice

    path = tmp_path / "clip.avi"
    write_clip(path, frames=10, size=(64, 48))
    data = bytearray(path.read_bytes())
    third, fourth = [match.start() for match in re.finditer(rb"\xff\xd8\xff", data)][2:4]
    data[third : fourth - 16] = bytes(fourth - 16 - third)
    path.write_bytes(data)
    with RtspDevice(str(path), "clip", RtspOptions()) as device:
        for _ in range(9):
            assert device.read().shape == (48, 64, 3)
        with pytest.raises(FileError, match="stream clip has ended"):
            device.read()
        assert device.damaged == 1


@needs_server
@pytest.mark.slow
@pytest.mark.parametrize("away", [8.0, 60.0])
def test_results_resume_within_3_s_after_the_server_is_back(away):
    server = Server()
    lines, source = [], open_stream(server.address)
    source._report = lines.append
    back = {}

    def restart():
        server.kill()
        time.sleep(away)
        back["server"] = Server(server.port)
        back["at"] = time.time()

    with source:
        frames = iter(source)
        next(frames)
        thread = threading.Thread(target=restart)
        killed = time.time()
        thread.start()
        try:
            first = next(frame for frame in frames if drawn_time(frame.bgr) > killed + away)
            resumed = time.time()
        finally:
            thread.join()
            back["server"].kill()
    assert resumed - back["at"] <= 3.0
    assert first.index > 0
    assert source.reopened == 1
    assert len(lines) <= 4, lines


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"options": {"transport": "tpc"}}, "transport must be one of 'tcp', 'udp', 'multicast', 'http', got 'tpc'"),
        (
            {"options": {"transports": "tcp"}},
            "option of an RTSP stream's 'transports': did you mean 'transport'",
        ),
        ({"options": {"timeout": "soon"}}, "timeout must be a number, got 'soon'"),
        ({"options": {"timeout": "-1"}}, "timeout must be above 0"),
        ({"size": (640, 480)}, "a stream must have no option 'size'"),
        ({"format": "MJPG"}, "a stream must have no option 'format'"),
        ({"rate": 5.0}, "a stream must have no option 'rate'"),
        ({"realtime": True}, "a stream must have no option 'realtime'"),
    ],
)
def test_what_a_stream_cannot_be_asked_for_is_one_line(options, line):
    with pytest.raises(InputError, match=line):
        open_stream("rtsp://camera/live", SourceOptions(**options))


def test_pyav_that_is_asked_for_and_missing_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgekit\[rtsp\]'"):
        open_stream("rtsp://camera/live", SourceOptions(options={"reader": "av"}))
