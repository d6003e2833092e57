"""``make`` sets up an environment: whole or not at all, from the tested set, with a stand-in for Python."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

SAY = 'echo "$PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT $UV_CONSTRAINT $UV_BUILD_CONSTRAINT $*"'
CONSTRAINED = "constraints.txt " * 4
PACKAGES = "-e .[train,dev]"


def make(folder, python, venv='mkdir -p "$3/bin"'):
    """Run make in a folder whose name has a space.

    python: the shell lines of the environment's Python. venv: what makes its folder.
    """
    folder = folder / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "setup.cfg", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    script(folder / "inner", python)
    script(folder / "python", f'[ "$1" = -m ] || exit 0\n{venv}\ncp inner "$3/bin/python"')
    command = ["make", "--no-print-directory", ".venv/.installed", "PYTHON=./python"]
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return folder, subprocess.run(command, cwd=folder, env=outside, capture_output=True, text=True)


def script(path, lines):
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def test_without_venv_nothing_stays_and_the_line_that_mends_it_is_shown(tmp_path):
    folder, done = make(tmp_path, SAY, venv='mkdir -p "$3/bin"; echo "ensurepip is not available"; exit 1')
    assert done.returncode != 0
    assert "sudo apt install python3-venv" in done.stderr
    assert not (folder / ".venv").exists()


def test_uv_installs_the_tested_set(tmp_path):
    folder, done = make(tmp_path, SAY)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[1:]
    assert first.startswith(f"{CONSTRAINED}-m pip install ")
    assert first.endswith(" uv")
    assert second.startswith(f"{CONSTRAINED}-m uv pip install ")
    assert second.endswith(PACKAGES)
    assert (folder / ".venv" / ".installed").exists()


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('[ "$2" != uv ]', id="uv fails"),
        pytest.param('case "$*" in *uv) exit 1; esac', id="no uv here"),
        pytest.param("[ $3 != config ] || echo \"global.index-url='a mirror'\"", id="pip is told of an index"),
        pytest.param("[ $3 != config ] || echo \":env:.proxy='a proxy'\"", id="pip is told of a proxy"),
    ],
)
def test_where_uv_cannot_pip_installs_the_same(tmp_path, lines):
    folder, done = make(tmp_path, f"{SAY}\n{lines}")
    assert done.returncode == 0, done.stderr
    assert "pip installs them, not uv" in done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{CONSTRAINED}-m pip install ")
    assert last.endswith(PACKAGES)
    assert (folder / ".venv" / ".installed").exists()


def test_more_places_for_packages_leave_it_to_uv(tmp_path):
    _, done = make(tmp_path, f"{SAY}\n[ $3 != config ] || echo \"global.extra-index-url='another'\"")
    assert "-m uv pip install" in done.stdout.splitlines()[-1]


def test_what_neither_can_install_is_not_called_installed(tmp_path):
    folder, done = make(tmp_path, f"{SAY}\nexit 1")
    assert done.returncode != 0
    assert not (folder / ".venv" / ".installed").exists()


def test_every_test_is_in_one_tier_and_ci_runs_both():
    text = (ROOT / "Makefile").read_text()
    tiers = re.findall(r"^(test[a-z-]*):.*\n\t.* -m ('not slow'|slow) ", text, re.MULTILINE)
    assert tiers == [("test", "'not slow'"), ("test-full", "slow")]
    ran = re.findall(r"^make (\S+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert ran == ["test", "test-full", "test-arm64", "lint", "types"]


def test_what_installs_and_builds_the_package_is_in_the_tested_set():
    names = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {"setuptools", "uv", "wheel"} <= names
