"""Commands from a broker are checked before they change anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.control import Control
from edge.errors import InputError
from edge.sinks.mqtt_commands import COMMANDS, parse


@pytest.mark.parametrize(
    ("name", "payload", "changes"),
    [
        ("score_threshold", b"0.25", {"score_threshold": 0.25}),
        ("score_threshold", b" 1 ", {"score_threshold": 1.0}),
        ("score_threshold", b"None", {"score_threshold": None}),
        ("labels", b'["person", "cat"]', {"labels": frozenset({"person", "cat"})}),
        ("labels", b"", {"labels": None}),
        ("labels", b"null", {"labels": None}),
    ],
)
def test_commands(name, payload, changes):
    assert parse(name, payload, ("person", "cat", "dog")) == changes


@pytest.mark.parametrize(
    ("name", "payload", "line"),
    [
        ("score_threshold", b"1.5", "score_threshold must be a number from 0 to 1, got '1.5'"),
        ("score_threshold", b"true", "must be a number"),
        ("score_threshold", b"NaN", "must be a number from 0 to 1, got 'nan'"),
        ("score_threshold", b"[0.5]", "must be a number"),
        ("labels", b"person", r"must be a JSON list of texts, such as \[\"person\", \"cat\"\], got 'person'"),
        ("labels", b"[]", "must be a JSON list"),
        ("labels", b'["persson"]', "unknown label 'persson': did you mean 'person'"),
        ("labels", b"\xff", "must be UTF-8"),
        ("labels", b"[" * 4097, "must have at most 4096 bytes, got 4097"),
        ("labels", b"[" * 4000, "must be a JSON list"),
        ("shutdown", b"1", "unknown command 'shutdown'"),
    ],
)
def test_other_messages_are_one_line(name, payload, line):
    with pytest.raises(InputError, match=line):
        parse(name, payload, ("person",))


@given(st.sampled_from(COMMANDS), st.binary() | st.text().map(str.encode))
def test_any_message_changes_the_settings_or_is_refused(name, payload):
    control = Control()
    try:
        control.change(**parse(name, payload))
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert "\n" not in refusal
