import contextlib
import itertools
import json

import pytest
import tomllib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.camera.config import LineConfig, ZoneConfig
from edge.camera.mappings import build
from edge.control import Control, Settings
from edge.errors import InputError
from edge.places import Line, Zone
from edge.preview.settings import MAX_SHAPES, as_json, as_toml, changes, merged
from tests.preview.camera import Camera
from tests.preview.client import ask, events, post, stream

DOOR = {"kind": "zone", "name": "door", "points": [[0, 0], [0.5, 0], [0.5, 1]], "labels": ["RBC"], "dwell": 2}
GATE = {"kind": "line", "name": "gate", "points": [[0.1, 0.5], [0.9, 0.5]]}


def parsed(value):
    return changes(json.dumps(value).encode(), ("cam", "door cam"))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {}),
        ({"score_threshold": 0.5}, {"score_threshold": 0.5}),
        ({"score_threshold": 1}, {"score_threshold": 1.0}),
        ({"score_threshold": None}, {"score_threshold": None}),
        ({"labels": ["a", "b", "a"]}, {"labels": frozenset({"a", "b"})}),
        ({"labels": []}, {"labels": frozenset()}),  # nothing is kept
        ({"labels": None}, {"labels": None}),  # everything is
        (
            {"shapes": {"cam": [DOOR], "": [GATE]}},
            {
                "shapes": {
                    "cam": (Zone("door", ((0, 0), (0.5, 0), (0.5, 1)), ("RBC",), dwell=2.0),),
                    "": (Line("gate", ((0.1, 0.5), (0.9, 0.5))),),
                }
            },
        ),
        ({"shapes": {"cam": []}}, {"shapes": {"cam": ()}}),
    ],
)
def test_what_is_sent_becomes_settings(sent, expected):
    assert parsed(sent) == expected


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ([], "must be a JSON object, got list"),
        (None, "must be a JSON object, got NoneType"),
        ({"score_threshold": "0.5"}, "score_threshold must be a number"),
        ({"score_threshold": True}, "score_threshold must be a number"),
        ({"score_threshold": 1.01}, "score_threshold must be a number from 0 to 1"),
        ({"score_threshold": -0.1}, "score_threshold must be a number from 0 to 1"),
        ({"scor_threshold": 0.5}, "did you mean 'score_threshold'"),
        ({"labels": "a"}, "labels must be a list"),
        ({"labels": [1]}, "labels must be a list of texts"),
        ({"shapes": []}, "shapes must be an object of lists"),
        ({"shapes": {"cam": {}}}, "shapes must be an object of lists"),
        ({"shapes": {"kam": []}}, "unknown source 'kam'; known: \"\" (all sources), cam, door cam"),
        ({"shapes": {"\ud800": []}}, "unknown source '\\ud800'"),
        ({"\ud800": 1}, "unknown setting '\\ud800'"),
        ({"shapes": {"cam": ["x"]}}, "kind is line or zone"),
        ({"shapes": {"cam": [{"kind": "circle"}]}}, "kind is line or zone"),
        ({"shapes": {"cam": [{"kind": []}]}}, "kind is line or zone"),
        ({"shapes": {"cam": [{"kind": "zone"}]}}, "must state name"),
        ({"shapes": {"cam": [{**DOOR, "colour": 1}]}}, "unknown option of zone 'colour'"),
        ({"shapes": {"cam": [{**GATE, "dwell": 1}]}}, "unknown option of line 'dwell'"),
        ({"shapes": {"cam": [{**DOOR, "points": [[0, 0], [1, 1]]}]}}, "must have 3 to 64 points"),
        ({"shapes": {"cam": [{**DOOR, "points": [[0, 0], [1, 1], [2, 0]]}]}}, "fractions of the frame"),
        ({"shapes": {"cam": [{**DOOR, "points": [[0, 0], [1, 1], [0]]}]}}, "points"),
        ({"shapes": {"cam": [{**DOOR, "points": [[0, 0], [1, 1], [10**400, 0]]}]}}, "fractions of the frame"),
        ({"shapes": {"cam": [{**DOOR, "dwell": 10**400}]}}, "dwell"),
        ({"shapes": {"cam": [{**DOOR, "name": ""}]}}, "must have a name"),
        ({"shapes": {"cam": [{**DOOR, "name": "a\nb"}]}}, "must have a name"),
        ({"shapes": {"cam": [{**DOOR, "name": "\ud800"}]}}, "must have a name"),
        ({"shapes": {"cam": [{**DOOR, "labels": ["RBC", "\udfff"]}]}}, "labels of zone 'door' must be printable text"),
        ({"shapes": {"cam": [{**GATE, "labels": ["a\nb"]}]}}, "labels of line 'gate' must be printable text"),
        ({"shapes": {"cam": [{**DOOR, "anchor": "top"}]}}, "anchor must be one of"),
        ({"shapes": {"cam": [GATE] * (MAX_SHAPES + 1)}}, "at most 64 lines and zones"),
    ],
)
def test_what_is_no_setting_is_one_line(sent, why):
    with pytest.raises(InputError) as caught:
        parsed(sent)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"NaN", b'{"score_threshold": NaN}', b'{"score_threshold": Infinity}', b"[" * 100_000],
    ids=["empty", "cut", "not UTF-8", "NaN", "NaN inside", "infinity", "deep"],
)
def test_what_is_no_json_is_one_line(body):
    with pytest.raises(InputError, match="must be a JSON object"):
        changes(body, ())


@pytest.mark.parametrize("label", ["\ud800", "a\udfff", "a\nb", "\x1b[2J"], ids=ascii)
@pytest.mark.parametrize(
    "sent",
    [lambda label: {"labels": ["RBC", label]}, lambda label: {"shapes": {"": [{**DOOR, "labels": [label]}]}}],
    ids=["kept", "of a zone"],
)
def test_a_label_that_cannot_be_written_is_refused_and_nothing_is_changed(label, sent):
    with Camera() as camera:
        before = ask(camera.port, "/api/state")[2]
        status, answered = post(camera.port, {"score_threshold": 0.7, **sent(label)})
        assert status == 400
        assert "must be printable text" in answered["error"]
        assert camera.control.settings == Settings()
        after = json.loads(ask(camera.port, "/api/state")[2])
        assert after["settings"] == json.loads(before)["settings"]


half_characters = st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=4)
scalars = half_characters | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
corners = st.tuples(st.floats(0, 1), st.floats(0, 1))
shapes = st.one_of(
    st.builds(Zone, st.just("zone"), st.lists(corners, min_size=3, max_size=6).map(tuple), dwell=st.floats(0, 99)),
    st.builds(Line, st.just("line"), st.lists(corners, min_size=2, max_size=6).map(tuple)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["score_threshold", "labels", "shapes", "x"]),
        anything | st.dictionaries(st.just("cam"), st.lists(st.dictionaries(st.sampled_from(list(DOOR)), anything))),
    )
)
def test_any_json_is_taken_whole_or_refused(sent):
    control = Control()
    before = control.settings
    try:
        control.change(**changes(json.dumps(sent, allow_nan=True).encode(), ("cam",)))
    except InputError:
        assert control.settings is before
        return
    json.dumps(as_json(control.settings), allow_nan=False, ensure_ascii=False).encode("utf-8")


@given(st.binary(max_size=64))
def test_any_bytes_are_taken_or_refused(body):
    with contextlib.suppress(InputError):
        assert isinstance(changes(body, ()), dict)


@given(
    st.builds(
        Settings,
        st.none() | st.floats(0, 1),
        st.none() | st.frozensets(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), max_size=5),
        st.dictionaries(st.sampled_from(["cam", "door cam"]), st.tuples(shapes), max_size=2),
    )
)
def test_settings_come_back_as_they_were(chosen):
    assert Settings(**parsed(as_json(chosen))) == chosen


def test_sources_that_are_not_named_keep_their_shapes():
    gate, door = Line("gate", ((0, 0), (1, 1))), Zone("door", ((0, 0), (1, 1), (0, 1)))
    before = Settings(shapes={"a": (gate,), "b": (gate,)})
    assert merged(before, {"shapes": {"b": (door,)}})["shapes"] == {"a": (gate,), "b": (door,)}


def test_a_post_changes_the_control_and_tells_every_viewer():
    with Camera() as camera, stream(camera.port, "/events") as answer:
        told = events(answer)
        assert next(told)[0] == "state"
        status, answered = post(camera.port, {"score_threshold": 0.5, "shapes": {"cells": [DOOR]}})
        assert status == 200
        assert answered["shapes"]["cells"][0]["name"] == "door"
        assert camera.control.settings.score_threshold == 0.5
        assert next(data for kind, data in told if kind == "settings") == answered
        later = [data for kind, data in itertools.islice(told, 12) if kind == "result"][-1]
        assert [row["label"] for row in later["results"]] == ["Platelets", "RBC"]
        assert post(camera.port, {"shapes": {"cells": [DOOR, DOOR]}})[0] == 400
        assert camera.control.settings.of("cells") == (Zone("door", ((0, 0), (0.5, 0), (0.5, 1)), ("RBC",), dwell=2),)


def test_what_others_change_reaches_the_page():
    with Camera() as camera, stream(camera.port, "/events") as answer:
        told = events(answer)
        assert next(told)[0] == "state"
        camera.control.change(score_threshold=0.25)
        assert next(data for kind, data in told if kind == "settings")["score_threshold"] == 0.25
        assert json.loads(ask(camera.port, "/api/state")[2])["settings"]["score_threshold"] == 0.25


def test_lines_and_zones_are_saved_as_camera_toml_has_them():
    gate, yard = Line("gate", ((0, 0.5), (1, 0.5))), Zone("yard", ((0, 0), (1, 0), (1, 1)), ("cat",), dwell=5.0)
    text = as_toml(Settings(shapes={"": (gate,), "door": (yard,)}))
    config = build({"model": "m", "source": [{"name": "door"}], **tomllib.loads(text)})
    assert config.line == (LineConfig("gate", gate.points),)
    assert config.zone == (ZoneConfig("yard", yard.points, ("cat",), dwell=5.0, source="door"),)
