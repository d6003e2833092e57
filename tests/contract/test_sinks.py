"""What every sink in the table must do; a new one is covered as soon as it is listed."""

from typing import get_args

import numpy as np
import pytest

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
RESULT = Result(predictions=FOUND, frame=0, source="test", captured_ns=1, age_ms=2.0)
FILES = {"jsonl": "out.jsonl", "record": "out.avi", "snapshot": "out.png", "terminal": None, "preview": None}
OTHERS = {"terminal": "stdout", "preview": "127.0.0.1:0"}
"""The targets of sinks that write no file."""


@pytest.fixture
def target(request, tmp_path):
    """A name and a target that it can write."""
    name = request.param
    if missing := SINKS[name].missing():
        pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    assert name in FILES, "give the new sink a target here"
    return name, str(tmp_path / FILES[name]) if FILES[name] else OTHERS[name]


every_sink = pytest.mark.parametrize("target", list(SINKS), indirect=True)
both_kinds = pytest.mark.parametrize("live", [True, False], ids=["live", "file"])


@every_sink
@both_kinds
def test_frames_of_any_size_are_taken_and_left_alone(target, live):
    sizes = [(320, 240), (64, 48), (33, 91)]
    frames = [frame(i, picture(i, size), captured_ns=10**18 + i * 10**9) for i, size in enumerate(sizes)]
    with open_sink(*target, ListSource([], live)) as sink:
        for one in frames:
            sink.emit(Event(one, RESULT))
    for i, (one, size) in enumerate(zip(frames, sizes, strict=True)):
        np.testing.assert_array_equal(one.pixels, picture(i, size))


@every_sink
def test_it_declares_its_name_and_its_policy(target):
    with open_sink(*target, ListSource([])) as sink:
        assert sink.name == target[0]
        assert sink.lossless in (True, False)
        assert sink.on_error in get_args(OnError)


@every_sink
def test_frames_of_any_format_are_taken(target):
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(Event(Frame(np.full((48, 64, 2), 128, np.uint8), "YUYV", 0, 1, "arrival", "cam"), RESULT))
        sink.emit(Event(Frame(np.full((72, 64), 128, np.uint8), "NV12", 1, 2, "arrival", "cam"), RESULT))


@every_sink
def test_events_are_shared_and_nobody_draws_twice(target, monkeypatch):
    drawn = []
    annotated = overlay.annotated
    monkeypatch.setattr(overlay, "annotated", lambda *a: drawn.append(1) or annotated(*a))
    one = event(result=RESULT)
    shown = one.picture.copy()
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(one)
    assert len(drawn) == 1
    np.testing.assert_array_equal(one.picture, shown)


@every_sink
def test_what_it_wrote_is_complete_after_close_and_alone_in_its_folder(target, tmp_path):
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(event(result=RESULT))
    written = [p.name for p in tmp_path.iterdir()]
    assert written == ([FILES[target[0]]] if FILES[target[0]] else [])
    assert all((tmp_path / name).stat().st_size > 0 for name in written)


@every_sink
def test_closing_twice_and_without_a_frame_does_nothing(target, tmp_path):
    sink = open_sink(*target, ListSource([]))
    sink.close()
    sink.close()
    assert not list(tmp_path.iterdir())


@every_sink
def test_it_works_in_a_thread_of_its_own(target):
    with Queued(open_sink(*target, ListSource([])), live=False, stats=Stats()) as sink:
        for number in range(20):
            sink.emit(event(number, RESULT))


@every_sink
def test_a_frame_without_predictions_is_taken(target):
    with open_sink(*target, ListSource([])) as sink:
        sink.emit(event(result=Result()))


@every_sink
def test_a_target_that_cannot_be_is_one_line(target, tmp_path):
    (tmp_path / "file").touch()
    name = target[0]
    bad = f"{tmp_path}/file/{FILES[name]}" if FILES[name] else "nowhere"
    with pytest.raises(EdgeError) as caught:
        open_sink(name, bad, ListSource([]))
    assert "\n" not in str(caught.value)


def test_a_plug_in_without_a_policy_is_one_line(monkeypatch):
    class Point:
        name = "old"

        @staticmethod
        def load():
            return lambda target, source: type("Old", (), {"name": "old", "close": lambda self: None})()

    monkeypatch.setattr("edge.registry._plugins", lambda kind: {"old": Point} if kind == "sink" else {})
    with pytest.raises(InputError, match="sink 'old' must state lossless, on_error; see"):
        open_sink("old", "", ListSource([]))
