"""docs/camera-toml.md: its example is a configuration, and it names every key that there is."""

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest
import tomllib

from edge.camera import config, mappings
from edge.errors import InputError
from edge.sinks import SINKS

PAGE = (Path(__file__).resolve().parents[1] / "docs/camera-toml.md").read_text(encoding="utf-8")
KINDS = {
    "": config.CameraConfig,
    "model": config.ModelConfig,
    "source": config.SourceConfig,
    "then": config.ThenConfig,
    "gallery": config.GalleryConfig,
    "line": config.LineConfig,
    "zone": config.ZoneConfig,
    "sink": config.SinkConfig,
}


def example():
    return re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_example_is_a_configuration():
    made = mappings.build(tomllib.loads(example()))
    assert [source.name for source in made.source] == ["door", "yard"]
    assert made.track.max_age == 2.0
    assert made.motion.max_pause == 5
    assert {sink.kind for sink in made.sink} <= set(SINKS)


def test_the_message_is_the_one_that_it_shows():
    with pytest.raises(InputError, match=r"source\[0\] rotate must be one of 0, 90, 180, 270, got 45"):
        mappings.build({"model": "m", "source": [{"rotate": 45}]})
    assert "source[0] rotate must be one of 0, 90, 180, 270, got 45" in PAGE


@pytest.mark.parametrize("part", [*KINDS, *mappings.PARTS])
def test_every_key_is_explained(part):
    kind = KINDS.get(part)
    if kind is None:
        module, _, name = mappings.PARTS[part].partition(":")
        kind = getattr(import_module(module), name)
    named = set(re.findall(r"`(?:\[\[?)?([a-z_]+)(?:\]\]?)?`", PAGE))
    missing = {field.name for field in fields(kind)} - named - ({"options"} if part in ("sink", "gallery") else set())
    assert not missing
