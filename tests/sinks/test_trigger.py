"""Which results trigger, and how long an event lasts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.results import Occurrence, Place, Pose, Prediction, Result
from edge.sinks.trigger import Condition, Trigger, parse

NOTHING = Result()
PERSON = Result(predictions=(Prediction("person", 0.7, 0),))
NESTED = Result(predictions=(Prediction("dog", 0.5, 1, nested=PERSON),))


def inside(now):
    return Result(places=(Place("yard", "zone", (), {"now": now, "entered": 3, "left": 3}),))


def happened(kind, place):
    return Result(occurrences=(Occurrence(kind, place, "person"),))


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("person", Condition("label", "person")),
        (" person > 0.6 ", Condition("label", "person", 0.6)),
        ("traffic light>0", Condition("label", "traffic light", 0.0)),
        ("label:any", Condition("label", "any")),
        ("label:zone:yard", Condition("label", "zone:yard")),
        ("a>b>0.5", Condition("label", "a>b", 0.5)),
        ("zone:the yard", Condition("zone", "the yard")),
        ("zone:a>b", Condition("zone", "a>b")),
        ("line:door", Condition("line", "door")),
        ("dwell:bench", Condition("dwell", "bench")),
        ("any", Condition("any")),
        ("any>0.9", Condition("any", "", 0.9)),
        ("street:crossing", Condition("label", "street:crossing")),
    ],
)
def test_texts_state_conditions(text, condition):
    assert parse(text) == condition


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "must be a label, LABEL>SCORE, zone:NAME, line:NAME, dwell:NAME or any, got ''"),
        ("zone:", "must name a label, a line or a zone"),
        (">0.5", "must name a label"),
        ("person>1", "the score of trigger 'person>1' must be from 0 to below 1, got '1'"),
        ("person>much", "must be from 0 to below 1, got 'much'"),
        ("person>nan", "must be from 0 to below 1"),
        (3, "got 3"),
    ],
)
def test_other_texts_are_one_line(text, line):
    with pytest.raises(InputError, match=line):
        parse(text)


@given(st.text())
def test_any_text_is_a_condition_or_one_line(text):
    try:
        condition = parse(text)
    except InputError as error:
        condition = None
        line = str(error)
    assert isinstance(condition, Condition) or "\n" not in line


@pytest.mark.parametrize(
    ("text", "result", "fits"),
    [
        ("person", PERSON, True),
        ("person", NESTED, True),
        ("person>0.7", PERSON, False),
        ("person>0.69", PERSON, True),
        ("dog", PERSON, False),
        ("any", PERSON, True),
        ("any", NOTHING, False),
        ("any", Result(poses=(Pose((), (), 0.5),)), True),
        ("any>0.6", Result(poses=(Pose((), (), 0.5),)), False),
        ("any", happened("leave", "yard"), True),
        ("any>0.5", happened("leave", "yard"), False),
        ("zone:yard", inside(1), True),
        ("zone:yard", inside(0), False),
        ("zone:yard", happened("enter", "yard"), True),
        ("zone:yard", happened("leave", "yard"), False),
        ("zone:garden", inside(1), False),
        ("line:door", happened("cross", "door"), True),
        ("line:door", happened("dwell", "door"), False),
        ("dwell:bench", happened("dwell", "bench"), True),
    ],
)
def test_what_fulfils_a_condition(text, result, fits):
    assert parse(text).fits(result) is fits


def phases(trigger, hits, step=1.0):
    return [trigger("cam", PERSON if hit else NOTHING, i * step).phase for i, hit in enumerate(hits)]


def test_an_event_lasts_until_the_hold_time_has_passed_without_a_hit():
    assert phases(Trigger(["person"], hold=2.0), [0, 1, 0, 1, 0, 0, 0]) == [
        *("off", "begin", "on", "on", "on", "end", "off")
    ]


def test_without_a_hold_time_it_ends_with_the_first_frame_without_a_hit():
    assert phases(Trigger(["person"]), [1, 0, 1, 0]) == ["begin", "end", "begin", "end"]


def test_the_cooldown_counts_from_the_beginning_of_the_last_event():
    assert phases(Trigger(["person"], cooldown=4.0), [1, 0, 1, 0, 1, 0]) == [
        *("begin", "end", "off", "off", "begin", "end")
    ]


def test_each_source_has_events_of_its_own():
    trigger = Trigger(["zone:garden", "person"])
    assert str(trigger("a", PERSON, 0.0).cause) == "person"
    assert trigger("b", PERSON, 0.5).phase == "begin"
    assert trigger("a", PERSON, 1.0).phase == "on"


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 5), st.integers(0, 9))
def test_begins_and_ends_alternate(hits, hold, cooldown):
    seen = [phase for phase in phases(Trigger(["person"], hold, cooldown), hits) if phase in ("begin", "end")]
    assert seen == ["begin", "end"] * (len(seen) // 2) + ["begin"] * (len(seen) % 2)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (([],), "must have 1 to 64 conditions, got 0"),
        ((["any"], -1.0), "hold must be 0 or more seconds, got -1.0"),
        ((["any"], 0.0, float("nan")), "cooldown must be 0 or more seconds, got nan"),
    ],
)
def test_other_arguments_are_one_line(arguments, line):
    with pytest.raises(InputError, match=line):
        Trigger(*arguments)
