"""What every sink in the table must do; a new one is covered as soon as it is listed."""

from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import pytest

from edge.backoff import Backoff
from edge.errors import EdgeError, InputError
from edge.frames import Frame
from edge.results import Prediction, Result
from edge.sinks import SINKS, open_sink, overlay
from edge.sinks.base import OnError
from edge.sinks.event import Event
from edge.sinks.queued import Queued
from edge.stats import Stats
from tests.loops import ListSource, event, frame, picture

FOUND = (Prediction("star", 0.9, 0), Prediction("ring", 0.1, 1, (1.0, 2.0, 30.0, 20.0), 5))
RESULT = Result(predictions=FOUND, frame=0, source="test", captured_ns=10**18, age_ms=2.0)
IN_FOLDER = "20010909T014640.000Z_list_any"
ROWS = {
    "clips": ("clips", [f"clips/{IN_FOLDER}.avi"], "file/clips", {"format": "avi"}),
    "csv": ("out.csv", ["out.csv"], "file/out.csv", {}),
    "hook": (None, [], " ", {}),
    "jsonl": ("out.jsonl", ["out.jsonl"], "file/out.jsonl", {}),
    "metrics": (None, [], "no port", {}),
    "mqtt": (None, [], "mqtt://", {}),
    "preview": (None, [], "no port", {}),
    "record": ("out.avi", ["out.avi"], "file/out.avi", {}),
    "snapshot": ("out.png", ["out.png"], "file/out.png", {}),
    "snapshots": ("pictures", [f"pictures/{IN_FOLDER}.jpg"], "file/pictures", {}),
    "terminal": (None, [], "nowhere", {}),
    "webhook": (None, [], "no address", {"attempts": 1}),
}
"""The file or folder in the test's folder, the files that one event makes, a target that cannot be, and options."""

ELSEWHERE = {
    "hook": "cat > /dev/null",
    "metrics": "0",
    "mqtt": "mqtt://127.0.0.1:9/test",
    "preview": "127.0.0.1:0",
    "terminal": "stdout",
    "webhook": "http://127.0.0.1:9/",
}
"""The targets that are no files. Nobody listens at port 9."""


class Opened(NamedTuple):
    """Opens a sink with its target of ``ROWS``."""

    name: str
    folder: Path

    def __call__(self, source, target=None):
        own, _, _, options = ROWS[self.name]
        target = target or (ELSEWHERE[self.name] if own is None else str(self.folder / own))
        return open_sink(self.name, target, source, options)

    def files(self):
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def sink_of(request, tmp_path):
    """Open one sink of the table, which writes below ``tmp_path``."""
    name = request.param
    if missing := SINKS[name].missing():
        pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    assert name in ROWS, "give the new sink a row here"
    return Opened(name, tmp_path)


every_sink = pytest.mark.parametrize("sink_of", list(SINKS), indirect=True)
both_kinds = pytest.mark.parametrize("live", [True, False], ids=["live", "file"])


@every_sink
@both_kinds
def test_frames_of_any_size_are_taken_and_left_alone(sink_of, live):
    sizes = [(320, 240), (64, 48), (33, 91)]
    frames = [frame(i, picture(i, size), captured_ns=10**18 + i * 10**9) for i, size in enumerate(sizes)]
    with sink_of(ListSource([], live)) as sink:
        for one in frames:
            sink.emit(Event(one, RESULT))
    for i, (one, size) in enumerate(zip(frames, sizes, strict=True)):
        np.testing.assert_array_equal(one.pixels, picture(i, size))


@every_sink
def test_it_declares_its_name_and_its_policy(sink_of):
    with sink_of(ListSource([])) as sink:
        assert sink.name == sink_of.name
        assert sink.lossless in (True, False)
        assert sink.on_error in get_args(OnError)


@every_sink
def test_frames_of_any_format_are_taken(sink_of):
    with sink_of(ListSource([])) as sink:
        sink.emit(Event(Frame(np.full((48, 64, 2), 128, np.uint8), "YUYV", 0, 1, "arrival", "cam"), RESULT))
        sink.emit(Event(Frame(np.full((72, 64), 128, np.uint8), "NV12", 1, 2, "arrival", "cam"), RESULT))


@every_sink
def test_events_are_shared_and_nobody_draws_twice(sink_of, monkeypatch):
    drawn = []
    annotated = overlay.annotated
    monkeypatch.setattr(overlay, "annotated", lambda *a: drawn.append(1) or annotated(*a))
    one = event(result=RESULT)
    shown = one.picture.copy()
    with sink_of(ListSource([])) as sink:
        sink.emit(one)
    assert len(drawn) == 1
    np.testing.assert_array_equal(one.picture, shown)


@every_sink
def test_what_it_wrote_is_complete_after_close_and_alone_in_its_folder(sink_of):
    with sink_of(ListSource([])) as sink:
        sink.emit(event(result=RESULT))
    assert sink_of.files() == ROWS[sink_of.name][1]
    assert all((sink_of.folder / name).stat().st_size > 0 for name in sink_of.files())


@every_sink
def test_closing_twice_and_without_a_frame_does_nothing(sink_of):
    sink = sink_of(ListSource([]))
    sink.close()
    sink.close()
    assert sink_of.files() == []


@every_sink
def test_it_works_in_a_thread_of_its_own(sink_of):
    with Queued(sink_of(ListSource([])), live=False, stats=Stats()) as sink:
        for number in range(20):
            sink.emit(event(number, RESULT))


@every_sink
def test_a_frame_without_predictions_is_taken(sink_of):
    with sink_of(ListSource([])) as sink:
        sink.emit(event(result=Result()))


@every_sink
def test_a_target_that_cannot_be_is_one_line(sink_of, tmp_path):
    (tmp_path / "file").touch()
    name = sink_of.name
    bad = f"{tmp_path}/{ROWS[name][2]}" if ROWS[name][0] else ROWS[name][2]
    with pytest.raises(EdgeError) as caught:
        sink_of(ListSource([]), bad)
    assert "\n" not in str(caught.value)


@every_sink
@both_kinds
def test_an_error_is_handled_as_its_policy_says(sink_of, live, monkeypatch):
    """A fatal error ends the run once; another is counted, and the sink is closed all the same."""
    sink = sink_of(ListSource([], live))
    closed = []
    close = sink.close
    monkeypatch.setattr(sink, "emit", _failing)
    monkeypatch.setattr(sink, "close", lambda: closed.append(1) or close())
    stats = Stats()
    queued = Queued(sink, live, stats, backoff=Backoff(0.001, 0.001), report=lambda line: None)
    queued.emit(event(result=RESULT))
    if sink.on_error == "fatal":
        with pytest.raises(OSError, match="no room"):
            queued.close()
    else:
        queued.close()
        assert stats.snapshot().errors_by_sink[sink.name] >= 1
        assert stats.snapshot().lost_by_sink == {sink.name: 1}
    queued.close()
    assert closed == [1]
    assert sink_of.files() == []


def _failing(event):
    raise OSError("no room")


@every_sink
def test_nothing_of_a_network_or_a_camera_is_fatal(sink_of):
    """What runs for months outlives a broker, a server and a disk that are gone for a while."""
    if sink_of.name == "terminal":
        pytest.skip("the policy of the terminal depends on what stdout is")
    with sink_of(ListSource([], live=True)) as sink:
        outlives = sink.name in ("clips", "hook", "metrics", "mqtt", "preview", "snapshots", "webhook")
        assert (sink.on_error == "retry") == outlives


def test_a_plug_in_without_a_policy_is_one_line(monkeypatch):
    class Point:
        name = "old"

        @staticmethod
        def load():
            return lambda target, source: type("Old", (), {"name": "old", "close": lambda self: None})()

    monkeypatch.setattr("edge.registry._plugins", lambda kind: {"old": Point} if kind == "sink" else {})
    with pytest.raises(InputError, match="sink 'old' must state lossless, on_error; see"):
        open_sink("old", "", ListSource([]))
