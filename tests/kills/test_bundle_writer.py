import pytest

from tests.kills.bundle_writer import kill_writers


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net", "net.edge"], ids=["folder", "zip"])
def test_a_killed_writer_leaves_the_old_or_the_new_bundle(tmp_path, name):
    kills, found = kill_writers(tmp_path / "out" / name, count=50, seed=1)
    assert kills.killed + kills.finished == 50
    assert kills.killed >= 10  # the moments are spread over its whole duration; a busy machine shifts them
    assert found["old"] >= 1
    assert found["new"] >= 3  # the undisturbed runs
