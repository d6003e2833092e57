"""What a device must be like, asked before anything is changed there."""

import json
import subprocess
import sys
from importlib import resources

import pytest

from edge.deploy.push.probe import check, facts
from edge.errors import InputError

PI5 = {
    "machine": "aarch64",
    "bits": 64,
    "libc": "glibc2.36",
    "python": [3, 11, 2],
    "executable": "/usr/bin/python3",
    "has_venv": True,
    "root_refused": "Permission denied",
    "sudo_refused": "",
    "is_root": False,
    "has_systemd": True,
    "free_bytes": 10 << 30,
    "time": 1000.0,
    "runtime": "",
    "complete": [],
    "trusts": False,
    "examined_s": -1.0,
    "model": "Raspberry Pi 5 Model B Rev 1.0",
}


def test_a_raspberry_pi_is_changed_by_sudo():
    found = facts("pi", "/opt/edgekit", PI5)
    assert found.prefix == ("sudo", "-n")
    assert found.model == "Raspberry Pi 5 Model B Rev 1.0"


def test_a_folder_of_the_user_needs_no_sudo():
    own = {**PI5, "root_refused": "", "sudo_refused": "a password is required"}
    assert facts("pi", "/home/pi/edgekit", own).prefix == ()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"machine": "armv7l", "bits": 32}, "64-bit system.*it is 32-bit on armv7l.*64-bit Raspberry Pi OS"),
        ({"bits": 32}, "64-bit system.*it is 32-bit on aarch64"),
        ({"machine": "riscv64"}, "on riscv64"),
        ({"python": [3, 9, 2]}, "Python 3.10 to 3.13, its python3 is 3.9.2"),
        ({"python": [3, 14, 0]}, "its python3 is 3.14.0"),
        ({"has_venv": False}, "sudo apt install python3-venv"),
        ({"libc": "musl1.2"}, "must have glibc"),
        ({"time": 2000.0}, r"clock must be right within 300 s, it is \+1000 s off.*set-ntp"),
        ({"time": 0.0}, r"it is -1000 s off"),
    ],
)
def test_a_device_that_cannot_work_is_refused(change, match):
    with pytest.raises(InputError, match=match):
        check("pi", {**PI5, **change}, 1000.0)


def test_a_folder_that_may_not_be_written_is_refused():
    with pytest.raises(InputError, match=r"/opt/edgekit cannot be written .Permission denied., and not by sudo"):
        facts("pi", "/opt/edgekit", {**PI5, "sudo_refused": "a password is required"})


def run_script(root):
    script = resources.files("edge.deploy.push").joinpath("probe_script.py").read_text()
    done = subprocess.run([sys.executable, "-", str(root)], input=script, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_script_tells_of_this_machine_and_leaves_nothing(tmp_path):
    found = run_script(tmp_path / "a" / "b")
    assert found["bits"] == 64
    assert found["python"] == list(sys.version_info[:3])
    assert (found["root_refused"], found["runtime"], found["complete"]) == ("", "", [])
    assert found["free_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_script_tells_of_runtimes(tmp_path):
    for name in ("whole", "half"):
        (tmp_path / "runtimes" / name / "bin").mkdir(parents=True)
    (tmp_path / "runtimes" / "whole" / "complete").touch()
    (tmp_path / "runtime").symlink_to("runtimes/whole")
    found = run_script(tmp_path)
    assert (found["runtime"], found["complete"]) == ("whole", ["whole"])


def test_the_script_runs_on_an_old_python():
    """It must say itself that a device is too old, so it has no newer syntax than that of 3.6."""
    import ast

    script = resources.files("edge.deploy.push").joinpath("probe_script.py").read_text()
    ast.parse(script, feature_version=(3, 6))
