"""``make`` sets up an environment: whole or not at all, from the tested set, with a stand-in for Python."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

HALF = 'mkdir -p "$3/bin"; echo "ensurepip is not available"; exit 1'
WHOLE = 'mkdir -p "$3/bin"; printf \'#!/bin/sh\\necho "$PIP_CONSTRAINT $PIP_BUILD_CONSTRAINT $@"\' > "$3/bin/python"'


def make(folder, venv):
    """Run make in a folder whose name has a space, with a Python that only knows ``-m venv``."""
    folder = folder / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "setup.cfg", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] || exit 0\n{venv}\nchmod +x "$3"/bin/*\n')
    python.chmod(0o755)
    command = ["make", ".venv/.installed", "PYTHON=./python"]
    return folder, subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_without_venv_nothing_stays_and_the_line_that_mends_it_is_shown(tmp_path):
    folder, done = make(tmp_path, HALF)
    assert done.returncode != 0
    assert "sudo apt install python3-venv" in done.stderr
    assert not (folder / ".venv").exists()


def test_the_constraints_hold_for_the_packages_and_for_what_builds_ours(tmp_path):
    folder, done = make(tmp_path, WHOLE)
    assert done.returncode == 0, done.stderr
    assert "constraints.txt constraints.txt -m pip install" in done.stdout
    assert (folder / ".venv" / ".installed").exists()


def test_what_builds_the_package_is_in_the_tested_set():
    names = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {"setuptools", "wheel"} <= names
