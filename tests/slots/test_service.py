"""The service on a device, under a stand-in for systemd that reads the real unit file."""

import json
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest

from edge.errors import FileError, GateFailed
from edge.slots import service, switch
from edge.slots.lock import locked
from edge.slots.release import Service
from tests.slots import device, systemd

pytestmark = pytest.mark.slow

SYNTHETIC = Service(arguments=("--source", "synthetic:160x120@20", "--quiet"), watchdog_s=10, start_s=30)


@pytest.fixture
def manager(tmp_path, monkeypatch):
    for name, value in systemd.install(tmp_path / "systemd").items():
        monkeypatch.setenv(name, value)
    yield tmp_path / "systemd"
    systemd.stop_all(tmp_path / "systemd")


def noted(manager, app):
    return json.loads((manager / "state" / app.unit / "active").read_text())


def until(condition, longest_s=30.0):
    end = time.monotonic() + longest_s
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


def notified(manager, app):
    path = manager / "state" / app.unit / "notified"
    return path.read_text().splitlines() if path.exists() else []


def main_pid(manager, app):
    return int((manager / "state" / app.unit / "main").read_text())


def test_a_deployed_service_reports_that_it_is_ready_and_what_it_does(app, mobilenet, manager):
    answer = device.deploy(app, mobilenet, service=SYNTHETIC)
    assert answer["started_s"] > 0
    assert service.state(app) == "active"
    until(lambda: any("STATUS=" in line and "frame" in line for line in notified(manager, app)))
    assert any("READY=1" in line for line in notified(manager, app))
    assert any("WATCHDOG=1" in line for line in notified(manager, app))
    calls = (manager / "state" / "calls").read_text().splitlines()
    assert calls[0] == "daemon-reload"
    assert f"enable {app.unit}" in calls


def test_a_killed_service_comes_back(app, mobilenet, manager):
    device.deploy(app, mobilenet, service=SYNTHETIC)
    pid = main_pid(manager, app)
    os.kill(pid, signal.SIGKILL)
    until(lambda: noted(manager, app) == {"state": "active", "restarts": 1})
    assert service.restarts(app) == 1
    assert main_pid(manager, app) != pid


def test_a_hung_service_is_started_again(app, mobilenet, manager):
    """A stopped process stands for a loop that hangs: it sends no sign of life."""
    device.deploy(app, mobilenet, service=replace(SYNTHETIC, watchdog_s=2))
    os.kill(main_pid(manager, app), signal.SIGSTOP)
    until(lambda: noted(manager, app) == {"state": "active", "restarts": 1})


def test_a_service_that_does_not_start_is_rolled_back(app, mobilenet, shufflenet, manager):
    first = device.deploy(app, mobilenet, service=SYNTHETIC)["release"]
    begin = time.monotonic()
    with pytest.raises(GateFailed, match=f"camera /dev/video77 does not exist.*release {first} is in use as before"):
        device.deploy(app, shufflenet, service=replace(SYNTHETIC, arguments=("--source", "/dev/video77", "--quiet")))
    print(f"failed and rolled back in {time.monotonic() - begin:.1f} s")
    assert service.state(app) == "active"
    assert device.in_use(app) == "mobilenet_v2"


def test_the_first_service_that_does_not_start_leaves_no_unit(app, mobilenet, manager):
    with pytest.raises(GateFailed, match="no release is in use, as before"):
        device.deploy(app, mobilenet, service=replace(SYNTHETIC, arguments=("--source", "/dev/video77", "--quiet")))
    assert not (manager / "units" / app.unit).exists()
    assert switch.current(app) is None


def test_rollback_starts_the_earlier_service(app, mobilenet, shufflenet, manager):
    device.deploy(app, mobilenet, service=SYNTHETIC)
    device.deploy(app, shufflenet, service=SYNTHETIC)
    with locked(app):
        assert switch.rollback(app)["started_s"] > 0
    assert service.state(app) == "active"
    assert "mobilenet_v2 int8" in (manager / "state" / app.unit / "log").read_text().splitlines()[-1]


def test_a_broken_release_that_never_ran_is_left_by_the_device_alone(app, mobilenet, shufflenet, manager):
    """The power failed after the switch; the service fails at every start, and no workstation looks."""
    first = device.deploy(app, mobilenet, service=SYNTHETIC)["release"]
    second = device.deploy(app, shufflenet, service=SYNTHETIC)["release"]
    from edge.slots import state

    state.write(app, state.read(app).with_changed(second, confirmed=False))
    (app.slot(second) / "service.json").write_text("{")
    subprocess.run(["systemctl", "restart", app.unit], check=False, capture_output=True)
    until(lambda: switch.current(app) == first and noted(manager, app)["state"] == "active")


def test_without_systemd_a_service_is_refused(app, mobilenet, monkeypatch):
    monkeypatch.setattr(service, "available", lambda: False)
    with pytest.raises(GateFailed, match="--no-service"):
        device.deploy(app, mobilenet, service=SYNTHETIC)
    with pytest.raises(FileError, match="--no-service"):
        service.start(app, "any")
