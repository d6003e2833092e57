"""The terminal line: rewritten on a terminal, sparse in a log."""

import io
import os
import shutil

import pytest

from edge.errors import InputError
from edge.results import Place, Prediction, Result
from edge.sinks.terminal import PLAIN_INTERVAL, TTY_INTERVAL, Terminal, line
from tests.loops import ListSource, event


class Screen(io.StringIO):
    def __init__(self, tty):
        super().__init__()
        self._tty = tty

    def isatty(self):
        return self._tty


def shown(tty, steps, step_seconds):
    """steps: the source of each frame. Returns all that was written."""
    screen, now = Screen(tty), [0.0]
    with Terminal("", ListSource([]), screen, lambda: now[0]) as sink:
        for number, source in enumerate(steps):
            result = Result(predictions=(Prediction("star", 0.98, 0),), frame=number, source=source)
            sink.emit(event(number, result, source=source))
            now[0] += step_seconds
    return screen.getvalue()


def test_what_a_line_says():
    found = (Prediction("junco, snowbird", 0.9, 0), Prediction("ring", 0.1, 1))
    result = Result(predictions=found, frame=3, source="clip.avi", age_ms=12.4, dropped=2, skipped=5, infer_ms=3.14)
    assert line(result) == "clip.avi #3  junco, snowbird 90% | ring 10%  age 12 ms  infer 3.1 ms  dropped 2  skipped 5"
    assert "nothing" in line(Result())


def test_a_line_counts():
    gate = Place("gate", "line", ((0, 0), (9, 9)), {"in": 3, "out": 0})
    yard = Place("yard", "zone", ((0, 0), (9, 9), (0, 9)), {"now": 0, "entered": 4, "left": 4})
    door = Place("door", "line", ((0, 0), (9, 9)), {"in": 0, "out": 0})
    text = line(Result(frame=3, source="cam", places=(gate, yard, door)))
    assert "  gate 3 in  yard 0 now 4 entered 4 left  door nobody yet  age" in text


def test_a_log_gets_a_line_an_interval():
    out = shown(False, ["cam"] * 9, PLAIN_INTERVAL / 4)
    assert [text.split()[1] for text in out.splitlines()] == ["#0", "#4", "#8"]


def test_the_last_result_is_shown_even_within_an_interval():
    out = shown(False, ["clip.avi"] * 16, 0.01)
    assert [text.split()[1] for text in out.splitlines()] == ["#0", "#15"]
    assert "#15" in shown(True, ["clip.avi"] * 16, 0.001)


def test_each_image_of_a_folder_gets_its_line():
    out = shown(False, ["a.png", "b.png", "c.png"], 0.0)
    assert [text.split()[0] for text in out.splitlines()] == ["a.png", "b.png", "c.png"]


def test_a_terminal_line_is_rewritten_and_ended(monkeypatch):
    monkeypatch.setattr(shutil, "get_terminal_size", lambda **_: os.terminal_size((40, 24)))
    out = shown(True, ["cam"] * 5, TTY_INTERVAL / 2)
    assert out.count("\n") == 1
    assert out.endswith("\n")
    lines = out.strip("\n").split("\r")[1:]
    assert [text.split()[1] for text in lines] == ["#0", "#2", "#4"]
    assert {len(text) for text in lines} == {39}


def test_the_target_is_one_of_two():
    with pytest.raises(InputError, match="stdout or stderr, got 'printer'"):
        Terminal("printer", ListSource([]))


@pytest.mark.parametrize(("kind", "policy"), [("pipe", "fatal"), ("file", "retry"), ("memory", "retry")])
def test_only_a_pipe_whose_reader_left_ends_a_run(tmp_path, kind, policy):
    if kind == "memory":
        assert Terminal("", ListSource([]), io.StringIO()).on_error == policy
        return
    reading, writing = os.pipe() if kind == "pipe" else (None, os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY))
    with os.fdopen(writing, "w") as stream:
        assert Terminal("", ListSource([]), stream).on_error == policy
    if reading is not None:
        os.close(reading)


def test_names_and_labels_do_not_command_the_terminal():
    stream = Screen(tty=False)
    with Terminal("", ListSource([]), stream=stream) as sink:
        sink.emit(event(result=Result(predictions=(Prediction("\x1b]0;a\x07\udce9", 0.5, 0),), source="cam")))
    assert stream.getvalue().startswith("cam #-1  \\x1b]0;a\\x07\\udce9 50%")
