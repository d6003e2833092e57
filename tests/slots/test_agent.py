"""The agent as the workstation calls it: one command, one JSON object, and the exit code of what went wrong."""

import json
import subprocess
import sys

import pytest

from tests.slots import device

COMMANDS = ("missing", "receive", "activate", "rollback", "status", "list", "trust", "starting", "started")


def call(root, *arguments, given=b""):
    command = [sys.executable, "-m", "edge.slots", "--root", str(root), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, cwd=device.ROOT, timeout=120)
    lines = done.stdout.decode().splitlines()
    assert len(lines) <= 1, "one object, or nothing for the journal"
    return done.returncode, json.loads(lines[0]) if lines else None, done.stderr.decode()


def test_a_device_with_nothing_says_so(app):
    assert call(app.root, "camera", "list")[:2] == (0, {"releases": []})
    code, answer, _ = call(app.root, "camera", "status")
    assert (code, answer["release"], answer["verified"], answer["service"]) == (0, None, False, "none")
    code, answer, _ = call(app.root, "camera", "rollback")
    assert code == 2
    assert "no release to go back to" in answer["error"]


@pytest.mark.parametrize("command", ["starting", "started"])
def test_the_unit_s_calls_say_nothing_when_all_is_as_it_should_be(app, command):
    assert call(app.root, "camera", command) == (0, None, "")


@pytest.mark.parametrize("command", ["missing", "activate", "trust", "receive"])
@pytest.mark.parametrize("given", [b"", b"\n", b"[]\n", b"{}\n", b"nonsense\n", b"\xff\xfe\n", b'{"files": 1}\n'])
def test_what_is_no_request_is_refused_in_one_line(app, command, given):
    code, answer, err = call(app.root, "camera", command, given=given)
    if command == "receive" and not given:
        assert (code, answer) == (0, {"received": 0})
        return
    assert code in (2, 3), (answer, err)
    assert "\n" not in answer["error"]
    assert code == 2, answer


@pytest.mark.parametrize("name", ["../x", "A", "a b", ""])
def test_an_application_of_another_name_is_refused(app, name):
    code, answer, _ = call(app.root, name, "status")
    assert code == 2
    assert "lower-case letters" in answer["error"]


def test_a_root_that_needs_quotes_is_refused(tmp_path):
    code, answer, _ = call(tmp_path / "a b", "camera", "status")
    assert code == 2
    assert "absolute path of letters" in answer["error"]
