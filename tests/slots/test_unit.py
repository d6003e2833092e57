"""The unit file: systemd accepts it, and it says what an operator would want."""

import configparser
import shutil
import subprocess

import pytest

from edge.slots import unit
from edge.slots.release import Service


def parsed(text):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(text)
    return parser


@pytest.mark.parametrize(
    "service",
    [Service(), Service(memory_mb=256, cpu_percent=150, watchdog_s=10, start_s=20)],
    ids=["no limits", "limits"],
)
def test_systemd_accepts_the_unit(app, tmp_path, service):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    program = app.current / "runtime" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / app.unit
    path.write_text(unit.text(app, service))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_notices_a_unit_that_is_wrong(app, tmp_path):
    """Or the test above would assert nothing."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    path = tmp_path / app.unit
    path.write_text(unit.text(app, Service()).replace("ProtectHome=yes", "ProtectHum=yes").replace("ExecStart=", "X="))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True)
    assert "ProtectHum" in done.stderr


def test_the_unit_is_supervised_limited_and_closed(app):
    service = parsed(unit.text(app, Service(memory_mb=256, cpu_percent=150, watchdog_s=10)))["Service"]
    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "10"
    assert service["Restart"] == "always"
    assert (service["MemoryMax"], service["CPUQuota"]) == ("256M", "150%")
    assert (service["DynamicUser"], service["SupplementaryGroups"]) == ("yes", "video")
    assert (service["ProtectSystem"], service["StateDirectory"]) == ("strict", "edgekit-camera")
    assert service["ExecStart"].startswith(f"{app.current}/runtime/bin/python")
    assert service["StandardOutput"] == "journal"


def test_there_are_no_limits_unless_they_were_asked_for(app):
    text = unit.text(app, Service())
    assert "MemoryMax" not in text
    assert "CPUQuota" not in text
