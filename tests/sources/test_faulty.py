"""A camera that fails when its script says so: what each fault does, under an injected clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import FileError, InputError
from edge.sources.faulty import KINDS, SECONDS, Clock, Fault, FaultyCamera, parse
from edge.sources.supervised import RetryPolicy, SupervisedSource

SIZE = (64, 48)


class Time:
    """A clock that only ``sleep`` moves."""

    def __init__(self):
        self.now = 100.0

    def clock(self):
        return Clock(lambda: self.now, self.sleep, lambda: round(self.now * 1e9))

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("end@20", Fault("end", 20)),
        ("stall:5@10", Fault("stall", 10, seconds=5.0)),
        ("stall:0.25@1.5s", Fault("stall", 1.5, True, 0.25)),
        ("size:320x240@40", Fault("size", 40, size=(320, 240))),
        ("clock:-3600@60", Fault("clock", 60, seconds=-3600.0)),
    ],
)
def test_a_script_is_read(text, fault):
    assert parse(text) == (fault,)
    assert parse(f"{text},error@7") == (fault, Fault("error", 7))


def test_no_script_has_no_faults():
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("end", "must look like end@20"),
        ("end@", "must look like end@20"),
        ("end@5,,error@6", "must look like end@20"),
        ("end@-1", "must look like end@20"),
        ("ends@5", "unknown fault 'ends': did you mean 'end'"),
        ("end:3@5", "the fault end must have no value"),
        ("stall@5", "the fault stall must state seconds, such as stall:5@10"),
        ("stall:-1@5", "the fault stall must state seconds"),
        ("stall:nan@5", "the fault stall must state seconds"),
        ("size:4x4@5", "a size must be 16 to 8192 pixels"),
        ("size@5", "a size must be 16 to 8192 pixels"),
    ],
)
def test_what_is_no_script_is_one_line(text, line):
    with pytest.raises(InputError, match=line):
        parse(text)


@given(st.text(alphabet="stalendizc:@.0123456789sx,-", max_size=30))
def test_any_text_is_a_script_or_one_line(text):
    try:
        faults = parse(text)
    except InputError:
        return
    assert all(fault.kind in KINDS for fault in faults)


def test_frames_come_at_the_rate_of_the_camera(time):
    device = FaultyCamera(SIZE, 20.0, clock=time.clock()).open()
    assert {device.read().shape for _ in range(21)} == {(48, 64, 3)}
    assert time.now == pytest.approx(101.0)


def test_a_stall_is_a_long_read(time):
    device = FaultyCamera(SIZE, 10.0, parse("stall:5@1"), clock=time.clock()).open()
    device.read()
    before = time.now
    device.read()
    assert time.now == pytest.approx(before + 0.1 + 5.0)
    device.read()
    assert time.now == pytest.approx(before + 0.1 + 5.0), "frames that are overdue come at once"


@pytest.mark.parametrize(("text", "error"), [("end@1", FileError), ("error@1", RuntimeError)])
def test_an_end_and_an_error_happen_once_and_the_camera_counts_on(time, text, error):
    camera = FaultyCamera(SIZE, 0, parse(text), clock=time.clock())
    device = camera.open()
    device.read()
    with pytest.raises(error):
        device.read()
    camera.open().read()
    assert [(fault.kind, number) for fault, number in camera.happened] == [(text.split("@")[0], 1)]
    assert camera.openings == 2


def test_a_truncated_frame_is_lost_and_counted(time):
    whole, cut = (FaultyCamera(SIZE, 0, parse(text), clock=time.clock()) for text in ("", "truncate@1"))
    expected = [device.read() for device in [whole.open()] for _ in range(3)]
    device = cut.open()
    assert (device.read() == expected[0]).all()
    assert (device.read() == expected[2]).all(), "neither the truncated frame nor the one before it again"
    assert (cut.lost_frames, whole.lost_frames) == (1, 0)


def test_the_size_changes_for_all_later_frames(time):
    camera = FaultyCamera(SIZE, 0, parse("size:32x20@2"), clock=time.clock())
    device = camera.open()
    assert [device.read().shape for _ in range(4)] == [(48, 64, 3)] * 2 + [(20, 32, 3)] * 2
    assert camera.open().read().shape == (20, 32, 3)


@pytest.mark.parametrize("seconds", [-3600, 86400])
def test_the_wall_clock_jumps(time, seconds):
    camera = FaultyCamera(SIZE, 0, parse(f"clock:{seconds}@1"), clock=time.clock())
    device = camera.open()
    device.read()
    assert camera.time_ns() == 100 * 10**9
    device.read()
    assert camera.time_ns() == (100 + seconds) * 10**9


def test_a_camera_that_is_away_cannot_be_opened_until_it_is_back(time):
    camera = FaultyCamera(SIZE, 0, parse("away:3@0"), clock=time.clock())
    with pytest.raises(FileError, match="stopped giving frames"):
        camera.open().read()
    with pytest.raises(FileError, match="cannot be opened for another 3 s"):
        camera.open()
    time.sleep(3.0)
    camera.open().read()


def test_an_opening_hangs_once(time):
    camera = FaultyCamera(SIZE, 0, parse("hang:8@0"), clock=time.clock())
    with pytest.raises(FileError):
        camera.open().read()
    camera.open()
    assert time.now == 108.0
    camera.open()
    assert time.now == 108.0


def test_a_time_counts_from_the_first_opening(time):
    camera = FaultyCamera(SIZE, 10.0, parse("end@0.45s"), clock=time.clock())
    device = camera.open()
    for _ in range(5):
        device.read()
    with pytest.raises(FileError):
        device.read()


def test_a_supervised_source_outlives_every_kind_of_fault():
    values = {"size": ":32x20"} | dict.fromkeys(SECONDS, ":0.01")
    script = ",".join(f"{kind}{values.get(kind, '')}@{3 * number}" for number, kind in enumerate(KINDS))
    camera = FaultyCamera(SIZE, 200.0, parse(script))
    lines = []
    source = SupervisedSource("cam", camera.open, retry=RetryPolicy(0.001, 0.01, stall=5.0), report=lines.append)
    for _ in source:
        if len(camera.happened) == len(KINDS):
            source.close()
    assert [fault.kind for fault, _ in camera.happened] == list(KINDS)
    assert camera.lost_frames == 1
