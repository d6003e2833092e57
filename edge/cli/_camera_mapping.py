"""The configuration that the options of edge-camera amount to, alone or with that of a file."""

import argparse
from pathlib import Path
from typing import Any

from edge.cli import _task_options
from edge.errors import InputError

SINKS = ("jsonl", "csv", "record", "snapshot", "mqtt", "metrics", "preview")
"""The outputs that have an option of their own name with their target."""

ACTING = ("clips", "snapshots", "webhook", "hook")
"""The same for outputs that act on events. The conditions of ``--on`` are for all of them."""


def mapping(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the configuration that the options state, as ``edge.camera.config.build`` takes it.

    It has only what was stated.
    """
    model = _given(arguments, *MODEL)
    if parameters := _task_options.parameters(arguments):
        model["parameters"] = parameters
    if arguments.model is not None:
        model["file"] = arguments.model
    found = {
        **_given(arguments, "max_frames"),
        "model": model,
        "source": _sources(arguments),
        "sink": _sinks(arguments),
    }
    if arguments.show:
        found["show_labels"] = [label for text in arguments.show for label in text.split(",")]
    if arguments.quiet:
        found["quiet"] = True
    for kind in ("line", "zone"):
        if shapes := getattr(arguments, kind):
            found[kind] = shapes
    if arguments.dwell is not None:
        if not arguments.zone:
            raise InputError("--dwell needs a zone: add --zone")
        found["zone"] = [{**zone, "dwell": arguments.dwell} for zone in arguments.zone]
    found.update(_parts(arguments))
    stated = {name: value for name, value in found.items() if value}
    for keys, value in arguments.set:
        _set(stated, keys, value)
    return stated


def _parts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the tables of the tracker and the gates."""
    pace = _given(arguments, "stride", "max_rate")
    if arguments.cool_at is not None:
        pace["soft_limit"] = arguments.cool_at
    motion = None if arguments.motion is None else {"crop": arguments.motion == "crop"}
    found = {"track": arguments.track and {"method": arguments.track}, "motion": motion, "pace": pace}
    return {**found, "then": arguments.then, "gallery": arguments.gallery}


def _set(found: dict[str, Any], keys: list[str], value: Any) -> None:
    """Set a value in nested tables."""
    for key in keys[:-1]:
        found = found.setdefault(key, {})
        if not isinstance(found, dict):
            raise InputError(f"--set {'.'.join(keys)}: {key} is no table; state it in a file for --config")
    found[keys[-1]] = value


MODEL = (
    "backend",
    "device",
    "threads",
    "precision",
    "labels",
    "task",
    "decoder",
    "colour",
    "mean",
    "std",
    "resize",
    "isolate",
)
"""The options that are fields of ``edge.camera.config.ModelConfig``."""

SOURCE_OPTIONS = ("size", "rate", "format", "rotate", "flip", "region", "realtime")
"""The options that are fields of ``edge.sources.options.SourceOptions``."""


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a file's configuration with the options of the command line.

    A source on the command line takes the place of those in the file; options of sources without one change them all.
    Sinks, lines and zones are added. Other values replace those of the file.

    Args:
        base: the file's content.
        changes: what ``mapping`` returned.
    """
    found = {**base, **changes}
    model = base.get("model", {})
    found["model"] = {**({"file": model} if isinstance(model, str) else model), **changes.get("model", {})}
    if (sources := changes.get("source")) and not any("address" in source for source in sources):
        found["source"] = [{**source, **sources[0]} for source in base.get("source", [{}])]
    for part in PARTS:
        if isinstance(base.get(part), dict) and isinstance(changes.get(part), dict):
            found[part] = {**base[part], **changes[part]}
    for kind in ("sink", "line", "zone"):
        if kind in changes:
            found[kind] = [*base.get(kind, []), *changes[kind]]
    return found


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _sources(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    shared = _given(arguments, *SOURCE_OPTIONS)
    if arguments.source_option:
        shared["options"] = dict(arguments.source_option)
    named = [_named_source(text) for text in arguments.source]
    return [{**source, **shared} for source in named] or ([shared] if shared else [])


def _named_source(text: str) -> dict[str, Any]:
    """Return address and name of ``NAME=ADDRESS`` or ``ADDRESS``."""
    name, equals, address = text.partition("=")
    if equals and name.replace("_", "").replace("-", "").isalnum() and not Path(text).exists():
        return {"address": address, "name": name}
    return {"address": text}


def _sinks(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    wanted = [(name, target) for name in (*SINKS, *ACTING) if (target := getattr(arguments, name)) is not None]
    wanted += arguments.sink
    if arguments.on and not any(kind in ACTING for kind, _ in wanted):
        raise InputError(f"--on needs what acts on events: add --{', --'.join(ACTING)}")
    options = {(kind, name): value for kind, name, value in arguments.sink_option}
    for kind, _ in options:
        if kind not in dict(wanted):
            raise InputError(f"--sink-option {kind}.… needs that output: add --sink {kind}=TARGET")
    if arguments.on:
        options = {**{(kind, "on"): arguments.on for kind in ACTING}, **options}
    return [{"kind": kind, "target": target, "options": _own(kind, options)} for kind, target in wanted]


def _own(kind: str, options: dict[tuple[str, str], Any]) -> dict[str, Any]:
    return {name: value for (of, name), value in options.items() if of == kind}


PARTS = ("model", "track", "counting", "motion", "pace")
"""The tables of a configuration of which the command line may change single values."""
