"""A loop that runs for long keeps its memory, threads and files."""

import pytest

from tests.performance import endurance


@pytest.mark.slow
def test_a_hundred_thousand_frames():
    found = endurance.measure(100_000)
    assert found["frames"] == 100_000
    assert found["new_threads"] == found["new_files"] == 0
    assert found["growth_kb_per_100k"] <= endurance.GROWTH_KB
