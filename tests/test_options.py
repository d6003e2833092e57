"""Options are built from mappings by the annotations of a dataclass, with one line for what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from edge.errors import InputError
from edge.options import build


@dataclass(frozen=True)
class Inner:
    name: str
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Options:
    needed: str
    count: int = 1
    share: float = 0.5
    on: bool = False
    file: Path | None = None
    mode: Literal["", "fast", "slow"] = ""
    turn: Literal[0, 90] = 0
    words: tuple[str, ...] = ()
    some: frozenset[str] | None = None
    inner: tuple[Inner, ...] = ()
    table: Mapping[str, str] = field(default_factory=dict)
    free: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.count < 0:
            raise InputError(f"count must be 0 or more, got {self.count}")


def test_every_kind_of_value():
    made = build(
        Options,
        {
            "needed": "x",
            "count": 3,
            "share": 1,
            "on": True,
            "file": "a/b",
            "mode": "fast",
            "turn": 90,
            "words": ["a", "b"],
            "some": ["b", "a"],
            "inner": [{"name": "n", "size": [3, 4]}, {"name": "m"}],
            "table": {"k": "v"},
            "free": {"n": 1, "list": [1]},
        },
    )
    assert made == Options(
        "x", 3, 1.0, True, Path("a/b"), "fast", 90, ("a", "b"), frozenset("ab"),
        (Inner("n", (3, 4)), Inner("m")), {"k": "v"}, {"n": 1, "list": [1]},
    )  # fmt: skip
    assert isinstance(made.share, float)


def test_a_hyphen_is_an_underscore():
    assert build(SessionLike, {"score-threshold": 1.0}).score_threshold == 1.0


@dataclass(frozen=True)
class SessionLike:
    score_threshold: float = 0.0


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "must state needed"),
        ({"needed": 3}, "needed must be a text, got 3"),
        ({"needed": "x", "cuont": 1}, "did you mean 'count'"),
        ({"needed": "x", "count": 1.5}, "count must be a whole number, got 1.5"),
        ({"needed": "x", "count": True}, "count must be a whole number, got True"),
        ({"needed": "x", "on": 1}, "on must be true or false, got 1"),
        ({"needed": "x", "share": "half"}, "share must be a number, got 'half'"),
        ({"needed": "x", "count": -1}, "count must be 0 or more, got -1"),
        ({"needed": "x", "mode": "slwo"}, "mode must be one of 'fast', 'slow', got 'slwo'"),
        ({"needed": "x", "turn": False}, "turn must be one of 0, 90, got False"),
        ({"needed": "x", "words": "ab"}, "words must be a list, got 'ab'"),
        ({"needed": "x", "words": [1]}, r"words\[0\] must be a text, got 1"),
        ({"needed": "x", "inner": [{"name": "n", "size": [1]}]}, r"inner\[0\] size must be a list of 2, got \[1\]"),
        ({"needed": "x", "inner": [3]}, r"inner\[0\] must be a table of options, got 3"),
        ({"needed": "x", "table": {"k": 1}}, "table.k must be a text, got 1"),
        ({"needed": "x", "file": ""}, "file must be a path, got ''"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(values, line):
    with pytest.raises(InputError, match=line):
        build(Options, values, "test")


def test_errors_know_the_keys_of_the_value():
    seen = []

    def fail(keys, line):
        seen.append(keys)
        return InputError(line)

    with pytest.raises(InputError):
        build(Options, {"needed": "x", "inner": [{"name": "n"}, {"name": 3}]}, "", fail)
    assert seen == [("inner", 1, "name")]
