"""What goes wrong on a device at the worst moment: it still runs a verified version, and says one line."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from edge.errors import FileError, GateFailed, InputError
from edge.slots import __main__ as agent
from edge.slots import calls, durable, health, keys, release, service, state, switch
from edge.slots.lock import locked
from edge.slots.release import Request, Service
from tests.slots import device


@pytest.fixture
def healthy(monkeypatch):
    """Let the health check pass at once, in tests of what is around it."""
    monkeypatch.setattr(health, "check", lambda *_: {"median_ms": 1.0, "backend": "none"})


@pytest.fixture
def started(monkeypatch):
    """Let services start at once, and return what was done with them. A release in ``broken`` does not start."""
    done = []

    def start(app, name, *, steady=True):
        done.append(("start", name))
        if name in start.broken:
            raise GateFailed("the service does not start")
        return 0.1

    start.broken = set()
    monkeypatch.setattr(service, "start", start)
    monkeypatch.setattr(service, "stop", lambda app: done.append(("stop", None)))
    start.done = done
    return start


def test_any_error_after_the_switch_goes_back(app, mobilenet, shufflenet, healthy, started, monkeypatch):
    first = device.deploy(app, mobilenet, service=Service())["release"]

    def broken(app, name, *, steady=True):
        if name != first:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "what a service wrote")
        return 0.1

    monkeypatch.setattr(service, "start", broken)
    with pytest.raises(GateFailed, match=f"unexpected UnicodeDecodeError.*release {first} is in use as before"):
        device.deploy(app, shufflenet, service=Service())
    assert device.in_use(app) == "mobilenet_v2"


def test_a_release_without_a_service_comes_back_without_one(app, mobilenet, shufflenet, healthy, started, monkeypatch):
    device.deploy(app, mobilenet)
    request = device.request_for(shufflenet, service=Service())
    started.broken.add(request.release)
    started.done.clear()
    with pytest.raises(GateFailed, match="in use as before"):
        device.deploy(app, shufflenet, service=Service())
    assert started.done == [("start", request.release), ("stop", None)]


def test_a_rollback_to_a_service_that_does_not_start_is_undone(app, mobilenet, shufflenet, healthy, started):
    first = device.deploy(app, mobilenet, service=Service())["release"]
    second = device.deploy(app, shufflenet, service=Service())["release"]
    known = state.read(app)
    started.broken.add(first)
    with locked(app), pytest.raises(GateFailed, match=f"does not start; release {second} is in use as before"):
        switch.rollback(app)
    assert device.in_use(app) == "shufflenet_v2"
    assert started.done[-1] == ("start", second)
    assert state.read(app) == known


def test_a_rollback_passes_over_a_service_that_does_not_start(app, mobilenet, shufflenet, healthy, started):
    made = [
        device.deploy(app, bundle, service=Service(watchdog_s=i))["release"]
        for i, bundle in enumerate([mobilenet, mobilenet, shufflenet], 1)
    ]
    started.broken.add(made[1])
    with locked(app):
        assert switch.rollback(app)["release"] == made[0]
    assert switch.current(app) == made[0]


def test_a_damaged_release_in_use_stays_until_it_is_whole_again(app, mobilenet, healthy, monkeypatch):
    """The disk is full while a release in use is repaired: its link must not lead to nothing."""
    name = device.deploy(app, mobilenet)["release"]
    (app.slot(name) / "bundle" / "labels.txt").write_bytes(b"x")
    device.send(app, mobilenet)

    def full(*_):
        raise FileError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write", full)
        with locked(app), pytest.raises(FileError, match="no space"):
            switch.activate(app, device.request_for(mobilenet))
    assert (app.current / "bundle" / "manifest.json").exists()
    assert device.deploy(app, mobilenet)["release"] == name
    assert device.in_use(app) == "mobilenet_v2"


def test_a_device_goes_back_by_itself_past_a_damaged_release(app, mobilenet, shufflenet, healthy):
    made = [
        device.deploy(app, bundle, service=replace(device.NO_SERVICE, memory_mb=i))["release"]
        for i, bundle in enumerate([mobilenet, mobilenet, shufflenet], 1)
    ]
    (app.slot(made[1]) / "bundle" / "labels.txt").write_bytes(b"x")
    state.write(app, state.read(app).with_changed(made[2], confirmed=False, attempts=switch.MOST_ATTEMPTS))
    assert switch.starting(app) == made[0]
    assert device.in_use(app) == "mobilenet_v2"


@pytest.mark.parametrize(
    "change",
    [
        {"max_latency_ms": "fast"},
        {"max_latency_ms": float("nan")},
        {"max_latency_ms": -1},
        {"keep": float("inf")},
        {"runtime": "a\0b"},
        {"files": [{"name": "a", "bytes": float("inf"), "sha256": "0" * 64}]},
        {"files": [{"name": "\ud800", "bytes": 1, "sha256": "0" * 64}]},
        {"service": {"start_s": "60"}},
        {"service": {"watchdog_s": 0}},
        {"service": {"memory_mb": "1M\nExecStartPre=/bin/sh"}},
        {"service": {"cpu_percent": True}},
        {"service": {"enabled": "no"}},
        {"service": {"arguments": [1]}},
    ],
)
def test_a_value_of_another_type_is_refused_before_the_switch(mobilenet, change):
    good = json.loads(json.dumps(device.request_for(mobilenet).as_json()))
    with pytest.raises(InputError):
        Request.of_json({**good, **change})


@pytest.mark.parametrize("content", [b"", b"x\n", b"[]\n", b"[" * 100_000, b"\xff\n", b"9" * 5000 + b"\n"])
@pytest.mark.parametrize("command", ["missing", "activate", "trust"])
def test_what_is_no_command_gets_one_line(app, command, content, capsys, monkeypatch):
    reader, writer = os.pipe()
    os.write(writer, content[:60_000])
    os.close(writer)
    stream = calls.given(reader)
    monkeypatch.setattr(calls, "given", lambda: stream)
    assert agent.main(["--root", str(app.root), app.name, command]) == 2
    assert "line with a JSON object" in json.loads(capsys.readouterr().out)["error"]
    os.close(reader)


def test_a_connection_that_stalls_lets_the_lock_go(app):
    reader, writer = os.pipe()
    stream = calls.given(reader, 0.2)
    os.write(writer, b"abc")
    assert stream.read(3) == b"abc"
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"nothing came from the workstation for 0\.2 s"):
        stream.read(1)
    assert time.monotonic() - begin < 5.0
    os.close(writer)
    os.close(reader)


def test_state_of_a_later_version_keeps_the_history(app, mobilenet, healthy):
    name = device.deploy(app, mobilenet)["release"]
    raw = json.loads(app.state.read_text())
    raw["schema"], raw["highest_version"], raw["entries"][0]["mood"] = 2, 7, "good"
    app.state.write_text(json.dumps(raw))
    assert state.read(app).entry(name) is not None
    assert state.read(app).highest_version == 7


@pytest.mark.parametrize(
    "change", [{"highest_version": 1e999}, {"entries": 3}, {"entries": [3]}, {"entries": [{"release": "a"}]}]
)
def test_state_that_is_nonsense_counts_as_none(app, mobilenet, healthy, change):
    device.deploy(app, mobilenet)
    app.state.write_text(json.dumps({**json.loads(app.state.read_text()), **change}))
    assert state.read(app) == state.State()
    assert device.deploy(app, mobilenet)["bundle"] == "mobilenet_v2"


@pytest.fixture
def pair(tmp_path):
    from edge.deploy import signing_keys

    return signing_keys.make_keys(tmp_path / "fleet")


def test_keys_change_in_one_step(app, mobilenet, healthy, pair, monkeypatch):
    """Whoever looks at the trust folder in the middle of a refused change sees the old one."""
    device.deploy(app, mobilenet)
    seen = []
    check = release.verified
    monkeypatch.setattr(release, "verified", lambda *a: (seen.append(os.listdir(app.root / "trust")), check(*a))[1])
    before = os.environ.get("EDGE_TRUST")
    with pytest.raises(InputError, match=r"camera would no longer start.*deploy a signed bundle") as refused:
        keys.change(app.root, [pair.public.read_text()], [], True)
    assert "partial" not in str(refused.value)
    assert str(app.root / "trust") in str(refused.value)
    assert seen == [[]]
    assert os.listdir(app.root / "trust") == []
    assert os.environ.get("EDGE_TRUST") == before
    assert keys.change(app.root, [pair.public.read_text()], [], None) == {"keys": [pair.key], "signed_only": False}
    assert keys.change(app.root, [], [pair.key], None)["keys"] == []


def test_keys_become_readable_for_the_service(app, pair):
    (app.root / "trust" / "own.pub").write_bytes(pair.public.read_bytes())
    (app.root / "trust" / "own.pub").chmod(0o600)
    keys.change(app.root, [], [], None)
    assert (app.root / "trust" / "own.pub").stat().st_mode & 0o777 == 0o644


def test_a_stray_folder_beside_the_applications_does_not_lock_the_keys(app, mobilenet, healthy, pair):
    device.deploy(app, mobilenet)
    (app.root / "apps" / "camera.bak").mkdir()
    assert keys.change(app.root, [pair.public.read_text()], [], None)["keys"] == [pair.key]


@pytest.mark.parametrize("change", [{}, {"keys": "abc"}, {"keys": [1]}, {"remove": None}, {"signed_only": "yes"}])
def test_a_change_of_keys_of_another_form_is_refused(change):
    with pytest.raises(InputError):
        keys.of_json({"keys": [], "remove": [], "signed_only": None, **change} if change else {})


def test_without_a_trust_folder_the_agent_refuses_what_the_service_would(app, mobilenet, healthy, capsys):
    device.deploy(app, mobilenet)
    (app.root / "trust").rmdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGE_TRUST", "")
        assert agent.main(["--root", str(app.root), app.name, "status"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert not answer["verified"]
    assert "EDGE_TRUST must name a folder" in answer["why"]


def test_the_health_check_is_root_where_nobody_cannot_enter(tmp_path, monkeypatch):
    """A runtime in a closed folder whose python is a link to the system's, as a virtual environment has it."""
    closed = tmp_path / "closed"
    (closed / "runtime" / "bin").mkdir(parents=True)
    (closed / "bundle").mkdir()
    (closed / "runtime" / "bin" / "python").symlink_to("/bin/sh")
    closed.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert health._unprivileged(closed) == {}


def test_a_journal_that_is_slow_or_not_text_is_no_error(app, tmp_path, monkeypatch):
    program = tmp_path / "journalctl"
    program.write_text("#!/bin/sh\nprintf 'edge-camera: \\377 is wrong\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert service._why(app, "") == "edge-camera: \ufffd is wrong"

    def slow(*command, **_):
        raise subprocess.TimeoutExpired(command, 20)

    monkeypatch.setattr(subprocess, "run", slow)
    assert service._why(app, "said") == "said"


def test_a_release_that_never_ran_does_not_push_out_the_way_back(app, mobilenet, shufflenet, healthy):
    """The power failed between the two writes of going back by itself: the failed release is still listed last."""
    made = [
        device.deploy(app, mobilenet, service=replace(device.NO_SERVICE, memory_mb=number))["release"]
        for number in (1, 2)
    ]
    state.write(app, state.read(app).with_changed(made[1], confirmed=False))
    durable.link(app.current, f"slots/{made[0]}")
    device.deploy(app, shufflenet, keep=2)
    with locked(app):
        assert switch.rollback(app)["release"] == made[0]


@pytest.mark.parametrize("content", ['{"arguments": 3}', '{"arguments": null}', "{", "[]", "[" * 100_000])
def test_a_service_file_of_another_form_gets_one_line(tmp_path, capsys, content):
    from edge.cli import service as command

    (tmp_path / "service.json").write_text(content)
    assert command.main([str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert "has no usable service.json" in shown
    assert shown.count("\n") == 1


def test_the_service_runs_the_release_whatever_its_options_say(tmp_path, monkeypatch):
    from edge.cli import camera
    from edge.cli import service as command

    (tmp_path / "service.json").write_text('{"arguments": ["--model", "/tmp/other.tflite"]}')
    monkeypatch.setattr(camera, "main", lambda: camera.parser().parse_args().model == tmp_path.resolve() / "bundle")
    monkeypatch.setattr(sys, "argv", [])
    assert command.main([str(tmp_path)])


def test_a_folder_in_the_place_of_the_link_gets_one_line(app, mobilenet, healthy):
    app.current.mkdir(parents=True)
    with pytest.raises(FileError, match="current must be a link, but is a folder; move it away"):
        device.deploy(app, mobilenet)
    app.current.rmdir()
    assert device.deploy(app, mobilenet)["bundle"] == "mobilenet_v2"


def test_a_missing_runtime_is_named(app, mobilenet):
    device.send(app, mobilenet)
    request = device.request_for(mobilenet, runtime="other")
    with locked(app), pytest.raises(FileError, match=f"the runtime other of release {request.release} is not"):
        switch.activate(app, request)
