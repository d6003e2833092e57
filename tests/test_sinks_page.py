"""docs/sinks.md: it has every sink and every option with its default, and its examples are what the code takes."""

import json
import re
import shlex
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from edge import registry
from edge.camera import mappings
from edge.cli import camera
from edge.options import build
from edge.sinks import SINKS
from edge.sinks.acting import TriggerOptions
from edge.sinks.csv import COLUMNS
from edge.sinks.trigger import parse

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "sinks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", PAGE, re.MULTILINE))
OWN_PAGES = {"preview"}
"""Sinks that have a page of their own."""


def table(text, header="option"):
    """Return the rows of the table that begins with this header, by their first cell."""
    found = re.search(rf"^\| {header} \|.*\n\|[-|]*\n((?:\|.*\n)*)", text, re.MULTILINE)
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found[1].splitlines()] if found else []
    return {row[0].strip("` "): row[1].strip("` ") for row in rows}


def default(field):
    value = field.default if field.default is not MISSING else field.default_factory()
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def test_every_sink_has_a_section():
    assert set(SECTIONS) - {"What triggers"} == set(SINKS) - OWN_PAGES


@pytest.mark.parametrize("name", sorted(set(SINKS) - OWN_PAGES))
def test_every_option_is_listed_with_its_default(name):
    if missing := SINKS[name].missing():
        pytest.skip(f"{name} needs {', '.join(missing)}, not installed here")
    options = getattr(registry.load("sink", SINKS, name), "Options", None)
    common = {field.name for field in fields(TriggerOptions)}
    own = [] if options is None else list(fields(options))
    if options is not None and issubclass(options, TriggerOptions):
        own = [field for field in own if field.name not in common]
        assert f"`{name}`" in SECTIONS["What triggers"]
    assert table(SECTIONS[name]) == {field.name: default(field) for field in own}


def test_the_common_options():
    assert table(SECTIONS["What triggers"]) == {field.name: default(field) for field in fields(TriggerOptions)}


def test_the_conditions_are_conditions():
    cells = re.findall(r"^\| (`.*?`) \| ", SECTIONS["What triggers"].split("Their common")[0], re.MULTILINE)
    texts = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    assert {parse(text).kind for text in texts} == {"any", "label", "zone", "line", "dwell"}


def test_the_columns_of_the_table():
    rows = re.findall(r"^\| (`.*?`) \| ", SECTIONS["csv"].split("A text that")[0], re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`([^`]+)`", row)] == list(COLUMNS)


def test_the_three_ways_amount_to_the_same():
    from edge.cli import _camera_mapping

    (line,) = re.findall(r"```sh\n(edge-camera .*)\n```", PAGE)
    (file,) = re.findall(r"```toml\n((?:.*\n)*?)```", PAGE)
    tomllib = pytest.importorskip("tomllib", reason="this Python has no TOML reader")
    stated = mappings.build(_camera_mapping.mapping(camera.parser().parse_args(shlex.split(line)[1:])))
    assert stated == mappings.build(tomllib.loads(file))
    (sink,) = stated.sink
    options = registry.load("sink", SINKS, sink.kind).Options
    assert build(options, sink.options) == options(on=("person", "zone:yard"), pre_roll=8.0)
    assert '{"on": ["person", "zone:yard"], "pre_roll": 8}' in PAGE
