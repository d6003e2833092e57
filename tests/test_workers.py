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
def test_of_this_file(number, request):
    note(request)

@pytest.mark.xdist_group("a network")
@pytest.mark.parametrize("number", range(4))
def test_of_a_network(number, request):
    note(request)

def note(request):
    with open(f"{os.environ['PYTEST_XDIST_WORKER']}.txt", "a") as f:
        f.write(request.node.nodeid + "\\n")
"""


@pytest.mark.slow
def test_a_file_and_a_group_stay_in_one_worker(tmp_path):
    for name in ("test_one.py", "test_two.py", "test_three.py"):
        (tmp_path / name).write_text(SUITE)
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    # pytest-xdist writes the group behind the test's name, and hands out all tests of a group at once.
    workers = [[line.partition("@")[2] for line in path.read_text().splitlines()] for path in tmp_path.glob("gw*.txt")]
    groups = {"a network", "test_one.py", "test_two.py", "test_three.py"}
    assert {group: sum(group in of_worker for of_worker in workers) for group in groups} == dict.fromkeys(groups, 1)
    assert sum(map(len, workers)) == 24
