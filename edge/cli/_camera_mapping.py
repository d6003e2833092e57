"""The configuration that the options of edge-camera amount to, alone or with that of a file."""

import argparse
import copy
import itertools
from collections.abc import Sequence
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

    It has only what was stated, without the values of ``--set``.
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
    return {name: value for name, value in found.items() if value}


def with_sets(found: dict[str, Any], sets: Sequence[tuple[list[str], Any]]) -> dict[str, Any]:
    """Return a configuration with the values of ``--set``, which go before all others."""
    found = copy.deepcopy(found)
    for keys, value in sets:
        _set(found, keys, value)
    return found


def _parts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the tables of the tracker and the gates."""
    pace = _given(arguments, "stride", "max_rate")
    if arguments.cool_at is not None:
        pace["soft_limit"] = arguments.cool_at
    motion = None if arguments.motion is None else {"crop": arguments.motion == "crop"}
    found = {"track": arguments.track and {"method": arguments.track}, "motion": motion, "pace": pace}
    return {**found, "then": arguments.then, "gallery": arguments.gallery}


def _set(found: Any, keys: list[str], value: Any) -> None:
    """Set a value in nested tables, and in lists of them by their place: ``source.0.rotate``."""
    for key, after in itertools.pairwise(keys):
        inner = _inner(found, key, [] if after.isdecimal() else {})
        if not isinstance(inner, (dict, list)):
            raise InputError(f"--set {'.'.join(keys)}: {key} is no table")
        found = inner
    if isinstance(found, list):
        where = ".".join(keys)
        raise InputError(f"--set {where}: name what to set of {keys[-2]} {keys[-1]}, such as {keys[-2]}.0.name")
    found[keys[-1]] = value


def _inner(found: Any, key: str, new: Any) -> Any:
    if isinstance(found, dict):
        return found.setdefault(key, new)
    if not key.isdecimal() or int(key) >= len(found):
        raise InputError(f"--set: {key!r} is no place in a list of {len(found)}; places count from 0")
    return found[int(key)]


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
    stated = {"token": arguments.preview_token, "names": arguments.preview_name}
    if (given := {("preview", name): value for name, value in stated.items() if value}) and arguments.preview is None:
        raise InputError("--preview-token and --preview-name are about the page: add --preview")
    options = {**given, **options}
    if arguments.on:
        options = {**{(kind, "on"): arguments.on for kind in ACTING}, **options}
    return [{"kind": kind, "target": target, "options": _own(kind, options)} for kind, target in wanted]


def _own(kind: str, options: dict[tuple[str, str], Any]) -> dict[str, Any]:
    return {name: value for (of, name), value in options.items() if of == kind}


PARTS = ("model", "track", "counting", "motion", "pace")
"""The tables of a configuration of which the command line may change single values."""
