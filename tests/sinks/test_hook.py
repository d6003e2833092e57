"""Commands of the user run beside the loop; nothing of an event becomes a part of the command."""

import json
import os
import time

import pytest

from edge.errors import InputError
from edge.results import Occurrence, Prediction, Result
from edge.sinks import hook, open_sink
from edge.sinks.context import Context
from tests.loops import ListSource, event, frame

EVIL = "$(touch evil); `touch evil` \"'"
PERSON = Result(predictions=(Prediction("person", 0.71239, 0),), source="cam", frame=4)


def run(command, results=(PERSON,), source=None, **options):
    """Run a hook for results, and return the counters."""
    context = Context([source or ListSource([])])
    with open_sink("hook", command, context, {"on": ["any"], **options}) as sink:
        for index, result in enumerate(results):
            sink.emit(event(index, result))
    return context.stats.snapshot()


def test_the_event_comes_on_stdin_and_in_the_environment(tmp_path):
    seen = Result(predictions=(Prediction(EVIL, 0.71239, 0),), source="cam", frame=4)
    crossed = Result(**{**vars(seen), "occurrences": (Occurrence("cross", "door", "person", 3, "in"),)})
    own = "env | grep -E '^EDGE_(FRAME|LABEL|PHASE|SCORE|SOURCE|TRIGGER)=' | sort"
    stats = run(f"cat > '{tmp_path}/stdin'; {own} > '{tmp_path}/env'; cd '{tmp_path}'", [crossed])
    content = json.loads((tmp_path / "stdin").read_text())
    assert (content["trigger"], content["phase"], content["frame"]) == ("any", "begin", 4)
    assert content["occurrences"] == [{"kind": "cross", "place": "door", "label": "person", "id": 3, "direction": "in"}]
    assert (tmp_path / "env").read_text().splitlines() == [
        "EDGE_FRAME=4",
        f"EDGE_LABEL={EVIL}",
        "EDGE_PHASE=begin",
        "EDGE_SCORE=0.7124",
        "EDGE_SOURCE=cam",
        "EDGE_TRIGGER=any",
    ]
    assert not list(tmp_path.glob("**/evil"))
    assert (stats.sink_errors, stats.lost) == (0, 0)


def test_an_event_is_one_call_and_its_end_another(tmp_path):
    results = [Result(), PERSON, PERSON, Result(), PERSON]
    run(f"echo $EDGE_PHASE >> '{tmp_path}/calls'", results, hold=0.4, also_end=True, at_once=1)
    assert (tmp_path / "calls").read_text().split() == ["begin", "end", "begin"]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("echo one; echo two >&2; exit 3", "sink hook: the command ended with exit code 3: one two"),
        ("no-such-program-here", "sink hook: the command ended with exit code 127: "),
        ("exec sleep 60", "sink hook: the command took more than 0.2 s and was killed"),
        ("yes | head -c 3000000; exit 1", "sink hook: the command ended with exit code 1: "),
    ],
)
def test_a_command_that_fails_is_one_line(command, line, capsys):
    stats = run(command, timeout=0.2 if "sleep" in command else 30.0)
    assert capsys.readouterr().err.startswith(line)
    assert (stats.errors_by_sink, stats.lost_by_sink) == ({"hook": 1}, {"hook": 1})


def test_what_the_command_started_is_killed_with_it(tmp_path):
    run(f"sleep 60 & echo $! > '{tmp_path}/pid'; wait", timeout=0.5)
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < until, "the command's own process goes on"
        time.sleep(0.01)


def _runs(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_goes_on_in_the_background_is_left_alone():
    begun = time.monotonic()
    stats = run("sleep 8 & exit 0")
    assert stats.sink_errors == 0
    assert time.monotonic() - begun < 8


def test_the_end_of_the_run_ends_a_command(monkeypatch, capsys):
    monkeypatch.setattr(hook, "END_SECONDS", 0.1)
    assert run("exec sleep 60").sink_errors == 1
    assert capsys.readouterr().err == "sink hook: the command still ran at the end of the run and was killed\n"


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        pytest.param("x" * 200_000, "x" * hook.LONGEST_VARIABLE, id="longer than the environment can hold"),
        pytest.param("\u732b" * 200_000, "\u732b" * hook.LONGEST_VARIABLE, id="the same with three bytes each"),
        pytest.param("a\udce9b\ud800\0", "a\\udce9b\\ud800", id="half characters"),
    ],
)
def test_labels_that_the_environment_cannot_hold(tmp_path, label, shown):
    seen = Result(predictions=(Prediction(label, 0.7, 0),), source="cam")
    stats = run(f"cat > '{tmp_path}/stdin'; printf %s \"$EDGE_LABEL\" > '{tmp_path}/label'", [seen])
    assert (tmp_path / "label").read_text(encoding="utf-8") == shown
    assert json.loads((tmp_path / "stdin").read_text(encoding="utf-8"))["results"][0]["label"] == label
    assert (stats.sink_errors, stats.lost) == (0, 0)


def test_descriptors_are_closed():
    run("true")
    before = len(os.listdir("/proc/self/fd"))
    run("true", [PERSON, Result(), PERSON, Result(), PERSON], hold=0.0)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("target", "options", "line"),
    [
        (" ", {}, "the hook must be a shell command, got ' '"),
        ("true", {"at_once": 0}, "sink hook: at_once must be above 0 and at most 16, got 0"),
        ("true", {"on": ["zone:"]}, "sink hook: trigger 'zone:' must name"),
        ("true", {"on": 3}, "sink hook on must be a list, got 3"),
        ("true", {"at-most": 1}, "unknown option of sink hook 'at_most'"),
    ],
)
def test_other_values_are_one_line(target, options, line):
    with pytest.raises(InputError, match=line):
        open_sink("hook", target, ListSource([]), options)


def test_sources_have_events_of_their_own(tmp_path):
    cams = [ListSource([], live=True), ListSource([], live=True)]
    cams[0].name, cams[1].name = "a", "b"
    with open_sink("hook", f"echo x >> '{tmp_path}/calls'", Context(cams), {"at_once": 1}) as sink:
        for index in range(3):
            for cam in cams:
                one = frame(index, source=cam.name)
                sink.emit(hook.Event(one, PERSON))
    assert (tmp_path / "calls").read_text() == "x\nx\n"
