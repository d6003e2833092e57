"""Overlaps by hand, and the assignment against every possible one."""

import itertools
import sys

import numpy as np
import pytest

from edge.errors import MissingExtra
from edge.stages import assignment

pytest.importorskip("lap", reason="the assignment is lapx's")


def test_overlaps_are_intersection_over_union():
    first = np.array([[0.0, 0, 10, 10], [20, 20, 30, 40]])
    second = np.array([[5.0, 0, 15, 10], [0, 0, 10, 10], [100, 100, 101, 101]])
    np.testing.assert_allclose(assignment.overlaps(first, second), [[50 / 150, 1, 0], [0, 0, 0]])
    assert assignment.overlaps(np.zeros((0, 4)), second).shape == (0, 3)


def best_by_trying(similarity, least):
    """Return the largest sum of (similarity - least) over all ways to pair rows and columns."""
    rows, columns = similarity.shape
    if rows > columns:
        return best_by_trying(similarity.T, least)
    gains = np.maximum(similarity - least, 0)
    return max(sum(gains[r, c] for r, c in enumerate(way)) for way in itertools.permutations(range(columns), rows))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (4, 4)])
def test_no_other_assignment_is_better(shape):
    rng = np.random.default_rng(5)
    for _ in range(20):
        similarity = rng.random(shape)
        rows, columns = assignment.assign(similarity, 0.3)
        assert len(set(rows)) == len(rows) == len(set(columns))
        assert (similarity[rows, columns] >= 0.3).all()
        # lap minimizes cost with a price of the limit for each one that is left out
        assert (similarity[rows, columns] - 0.3).sum() == pytest.approx(best_by_trying(similarity, 0.3), abs=1e-6)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 2)])
def test_nothing_similar_gives_no_pair(shape):
    rows, columns = assignment.assign(np.zeros(shape), 0.1)
    assert len(rows) == len(columns) == 0


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lap", None)
    monkeypatch.setattr(assignment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgekit\[track\]'"):
        assignment.check_installed()


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((0, 0, 20, 20), 1.0, id="the same place"),
        pytest.param((20, 0, 40, 20), 0.5, id="one size away, of two"),
        pytest.param((12, 16, 32, 36), 0.5, id="the same in both directions"),
        pytest.param((40, 0, 60, 20), 0.0, id="at the reach"),
        pytest.param((400, 0, 420, 20), 0.0, id="far away"),
        pytest.param((4, 4, 16, 16), 1.0, id="a smaller box with the same centre"),
        pytest.param((5, 5, 15, 15), 0.0, id="one that is too small"),
    ],
)
def test_nearness_by_hand(box, expected):
    first, second = np.asarray([[0.0, 0, 20, 20]]), np.asarray([box], np.float64)
    assert assignment.nearness(first, second, 2.0)[0, 0] == pytest.approx(expected)
    assert assignment.nearness(first[:0], second, 2.0).shape == (0, 1)
