import sys
from itertools import count

import pytest

from tests.kills.bundle_writer import Target, kill_writers
from tests.kills.system_calls import CHANGES, killed_at, why_not


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net", "net.edge"], ids=["folder", "zip"])
def test_a_killed_writer_leaves_the_old_or_the_new_bundle(tmp_path, name):
    kills, found = kill_writers(tmp_path / "out" / name, count=50, seed=1)
    assert kills.killed + kills.finished == 50
    assert kills.killed >= 10  # the moments are spread over its whole duration; a busy machine shifts them
    assert found["old"] >= 1
    assert found["new"] >= 3  # the undisturbed runs


@pytest.mark.slow
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("name", ["net", "net.edge"], ids=["folder", "zip"])
def test_a_writer_that_is_killed_at_any_system_call_leaves_the_old_or_the_new_bundle(tmp_path, name):
    target = Target(tmp_path / "out" / name)
    target.path.parent.mkdir()
    target.reset()
    argv = [sys.executable, "-m", "tests.kills.bundle_writer", "--write", target.path]
    kills = 0
    for call in CHANGES:
        for number in count(1):
            came_so_far = killed_at(argv, call, number)
            target.check()
            target.reset()
            if not came_so_far:
                break
            kills += 1
    undisturbed = len(CHANGES)
    assert kills >= 10
    assert target.found["old"] >= 5  # killed before the rename
    assert target.found["new"] - undisturbed >= 2  # killed after it
