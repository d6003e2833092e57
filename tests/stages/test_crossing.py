"""The geometry of lines and zones: by hand, and for paths of any form."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.stages.crossing import crossings, depths_in_zone, distance_to_line

UP = ((100.0, 200.0), (100.0, 0.0))  # drawn upwards in the middle of a picture: its right is the picture's right
CORNER = ((0.0, 100.0), (100.0, 100.0), (100.0, 0.0))


@pytest.mark.parametrize(
    ("line", "start", "end", "expected"),
    [
        pytest.param(UP, (50, 100), (150, 100), 1, id="from its left to its right"),
        pytest.param(UP, (150, 100), (50, 100), -1, id="and back"),
        pytest.param(UP[::-1], (50, 100), (150, 100), -1, id="a line drawn downwards"),
        pytest.param(UP, (50, 250), (150, 250), 0, id="past its end"),
        pytest.param(UP, (50, 100), (90, 20), 0, id="on one side"),
        pytest.param(UP, (50, 100), (50, 100), 0, id="standing"),
        pytest.param(UP, (100, 20), (100, 180), 0, id="along the line"),
        pytest.param(UP, (50, 200), (150, 200), 1, id="through its first end, as feet at the picture's edge"),
        pytest.param(UP, (150, 200), (50, 200), -1, id="and back through it"),
        pytest.param(UP, (50, 0), (150, 0), 1, id="through its last end"),
        pytest.param(UP, (150, 0), (50, 0), -1, id="and back through that"),
        pytest.param(CORNER, (50, 150), (150, 50), 0, id="beside the corner, without touching it"),
        pytest.param(CORNER, (50, 50), (150, 150), 1, id="through the corner, once"),
        pytest.param(CORNER, (50, 150), (150, 20), -1 + 1, id="in over one part and out over the other"),
        pytest.param(CORNER, (50, 50), (50, 150), 1, id="over the first part"),
        pytest.param(CORNER, (50, 50), (150, 50), 1, id="over the second part"),
    ],
)
def test_paths_cross_a_line(line, start, end, expected):
    assert crossings(line, start, end) == expected


COORDINATES = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12))
def test_the_crossings_of_a_path_are_the_change_of_side(path):
    """On whole numbers, so that the path often touches the line, and steps along it."""
    long = ((0.0, 99.0), (0.0, -99.0))
    total = sum(crossings(long, a, b) for a, b in itertools.pairwise(path))
    assert total == int(path[-1][0] >= 0) - int(path[0][0] >= 0)


@given(
    st.lists(st.tuples(COORDINATES, COORDINATES), min_size=2, max_size=5), *[st.tuples(COORDINATES, COORDINATES)] * 2
)
def test_the_way_back_counts_as_the_way_there(line, start, end):
    assert crossings(line, start, end) == -crossings(line, end, start)


@given(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12))
def test_a_closed_path_around_no_end_crosses_as_often_in_as_out(path):
    bent = ((-99.0, -50.5), (0.25, 0.5), (99.0, -70.5))
    closed = [*path, path[0]]
    assert sum(crossings(bent, a, b) for a, b in itertools.pairwise(closed)) == 0


@pytest.mark.parametrize(
    ("at", "expected"), [((130, 100), 30), ((100, 100), 0), ((100, 260), 60), ((103, -4), 5), ((60, 200), 40)]
)
def test_the_distance_is_that_of_the_nearest_part(at, expected):
    assert distance_to_line(UP, at) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("at", "expected"), [((50, 50), 50), ((10, 50), 10), ((0, 50), 0), ((-7, 50), -7), ((103, 104), -5)]
)
def test_depth_in_a_square(at, expected):
    square = ((0, 0), (100, 0), (100, 100), (0, 100))
    assert depths_in_zone(square, [at]) == [pytest.approx(expected)]
