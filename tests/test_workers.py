"""Tests that share a fixture run in one worker, or each worker would train the same network again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("xdist")

SUITE = """
import os, pytest

@pytest.mark.parametrize("number", range(4))
def test_of_this_file(number):
    note(number)

@pytest.mark.xdist_group("a network")
@pytest.mark.parametrize("number", range(4))
def test_of_a_network(number):
    note("of the network")

def note(what):
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as f:
        f.write(f"{__name__} {what}\\n")
"""


def test_a_file_and_a_group_stay_in_one_worker(tmp_path):
    for name in ("test_one.py", "test_two.py", "test_three.py"):
        (tmp_path / name).write_text(SUITE)
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    first, second = (set(path.read_text().splitlines()) for path in sorted(tmp_path.glob("gw*.txt")))
    workers = [{line.split()[0] for line in lines if "network" not in line} for lines in (first, second)]
    assert not workers[0] & workers[1]
    assert sum("network" in line for line in first) in (0, 3)
