"""Settings are replaced as a whole, and checked before."""

import threading

import pytest

from edge.control import Control, Settings
from edge.errors import InputError
from edge.places import Line, Zone

DOOR = Line("door", ((0.1, 0.5), (0.9, 0.5)))
YARD = Zone("yard", ((0, 0), (1, 0), (1, 1)))


def test_shapes_of_a_source_come_after_those_of_all():
    settings = Settings(shapes={"": (DOOR,), "cam": (YARD,)})
    assert settings.of("cam") == (DOOR, YARD)
    assert settings.of("other") == (DOOR,)
    assert settings.of("") == (DOOR,)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"score_threshold": 1.5}, "from 0 to 1"),
        ({"score_threshold": float("nan")}, "from 0 to 1"),
        ({"shapes": {"": (DOOR,), "cam": (DOOR,)}}, "'door' twice"),
    ],
)
def test_a_wrong_change_changes_nothing(changes, line):
    control = Control(Settings(0.3))
    before = control.settings
    with pytest.raises(InputError, match=line):
        control.change(**changes)
    assert control.settings is before


def test_changes_of_many_threads_are_all_kept():
    control = Control(Settings(shapes={}))

    def change(number):
        for turn in range(200):
            control.change(labels=frozenset({f"{number}"})) if turn % 2 else control.change(score_threshold=0.5)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert control.settings.score_threshold == 0.5
    assert control.settings.labels is not None


@pytest.mark.parametrize(
    ("kind", "values", "line"),
    [
        (Line, {"name": "", "points": ((0, 0), (1, 1))}, "must have a name"),
        (Line, {"name": "a\n", "points": ((0, 0), (1, 1))}, "must have a name"),
        (Line, {"name": "a", "points": ((0, 0),)}, "2 to 64 points, got 1"),
        (Zone, {"name": "a", "points": ((0, 0), (1, 1))}, "3 to 64 points, got 2"),
        (Zone, {"name": "a", "points": ((0, 0), (1, 1), (2, 0))}, "fractions of the frame"),
        (Zone, {"name": "a", "points": ((0, 0), (1, 1), (float("nan"), 0))}, "fractions of the frame"),
        (Zone, {"name": "a", "points": (1, 2, 3)}, r"must have points \[x, y\]"),
        (Zone, {"name": "a", "points": ((0, 0), (1, 1), (1, 0)), "dwell": -1.0}, "dwell"),
    ],
)
def test_shapes_that_are_none(kind, values, line):
    with pytest.raises(InputError, match=line):
        kind(**values)
