"""``build`` makes a configuration from nested mappings, and ``as_mapping`` the mappings of a configuration."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from edge import options, registry, sinks
from edge.camera.config import CameraConfig, SinkConfig
from edge.errors import InputError, MissingExtra, unknown_name

LISTS = {"source", "then", "line", "zone", "sink"}
"""The parts of which there may be several."""

PARTS = {
    "track": "edge.stages.tracker:TrackerOptions",
    "counting": "edge.stages.counting:CountingOptions",
    "motion": "edge.stages.motion:MotionOptions",
    "pace": "edge.stages.pace:PaceOptions",
}
"""The dataclasses of parts that few runs have. Each is imported when the configuration has its part."""


def build(values: Mapping[str, Any], fail: options.Fail | None = None) -> CameraConfig:
    """Make a configuration from nested mappings.

    Args:
        values: the fields of ``CameraConfig`` by name. ``model`` may be a path alone, and the options of a sink may
            stand beside its ``kind`` and ``target``.
        fail: makes the error for the value at some keys.

    Raises:
        InputError: a name is unknown, or a value has another type or is not allowed.
    """
    raise_at = fail or (lambda keys, line: InputError(line))
    if "model" not in values:
        raise raise_at((), "a camera needs a model: state --model, or model in the configuration")
    for name in LISTS & values.keys():
        if not isinstance(values[name], (list, tuple)):
            raise raise_at((name,), f"each {name} is a table of its own: write [[{name}]], not [{name}] or {name} =")
    known: dict[str, Any] = {**values, "model": _model(values["model"])}
    if isinstance(thens := known.get("then"), (list, tuple)):
        known["then"] = [_then(place, one, raise_at) for place, one in enumerate(thens)]
    if "gallery" in known:
        known["gallery"] = _gallery(known["gallery"], raise_at)
    if isinstance(sinks := known.get("sink"), (list, tuple)):
        known["sink"] = [_sink(one) for one in sinks]
    for name in PARTS.keys() & known.keys():
        known[name] = _part(name, known[name], raise_at)
    made = options.build(CameraConfig, known, "", raise_at)
    for place, sink in enumerate(made.sink):
        _check_sink(sink, place, raise_at)
    return made


def _check_sink(sink: SinkConfig, place: int, fail: options.Fail) -> None:
    """Raise InputError for a sink or one of its options that does not exist, where what it needs is installed."""
    at = ("sink", place)
    if sink.kind not in sinks.names():
        raise fail((*at, "kind"), str(unknown_name("sink", sink.kind, sinks.names())))
    try:
        kind = getattr(registry.load("sink", sinks.SINKS, sink.kind), "Options", None)
    except MissingExtra:  # it is said when the sink is opened, which may be on another machine
        return
    if kind is not None:
        options.build(kind, sink.options, f"sink {sink.kind}", fail, at)
    elif sink.options:
        raise fail(at, f"sink {sink.kind} has no options, got {', '.join(sink.options)}")


def _part(name: str, value: Any, fail: options.Fail) -> Any:
    """Return the options of a part, from a table, or ``true`` for the defaults, or None for ``false``."""
    if isinstance(value, bool):
        value = {} if value else None
    if value is not None and not isinstance(value, Mapping):
        raise fail((name,), f"{name} must be a table of options, true or false, got {value!r}")
    return None if value is None else _options(PARTS[name], value, name, fail, (name,))


def _options(target: str, value: Mapping[str, Any], what: str, fail: options.Fail, at: options.Keys) -> Any:
    """Return the dataclass that ``target`` names, made from a mapping."""
    module, _, attribute = target.partition(":")
    return options.build(getattr(import_module(module), attribute), value, what, fail, at)


def _then(place: int, value: Any, fail: options.Fail) -> Any:
    """Return the mapping of a second network, with the options of its boxes as a dataclass."""
    if not isinstance(value, Mapping) or "model" not in value:
        return {"model": _model(value)} if isinstance(value, (str, Path)) else value
    found = {**value, "model": _model(value["model"])}
    if "boxes" in found:
        target, what, at = "edge.stages.cascade:CascadeOptions", f"then[{place}] boxes", ("then", place, "boxes")
        if not isinstance(found["boxes"], Mapping):
            raise fail(at, f"{what} must be a table of options, got {found['boxes']!r}")
        found["boxes"] = _options(target, found["boxes"], what, fail, at)
    return found


def _gallery(value: Any, fail: options.Fail) -> Any:
    """Return the mapping of a gallery from a path, or from a table with the options beside the folder."""
    if not isinstance(value, Mapping):
        return {"folder": value}
    own = {name: one for name, one in value.items() if name not in ("folder", "options")}
    if not own:
        return value
    target = "edge.stages.gallery:GalleryOptions"
    rest = {name: one for name, one in value.items() if name not in own}
    return {**rest, "options": _options(target, own, "gallery", fail, ("gallery",))}


def _model(value: Any) -> Any:
    return {"file": value} if isinstance(value, (str, Path)) else value


def _sink(value: Any) -> Any:
    """Return a sink's mapping with its own options apart from kind and target."""
    if not isinstance(value, Mapping) or not isinstance(value.get("options", {}), Mapping):
        return value
    own = {name: one for name, one in value.items() if name not in ("kind", "target", "options")}
    return {
        **{name: one for name, one in value.items() if name not in own},
        "options": {**value.get("options", {}), **own},
    }


def as_mapping(config: CameraConfig) -> dict[str, Any]:
    """Return the nested mappings from which ``build`` makes the same configuration, without what is usual."""
    found = _differing(config)
    for sink in found.get("sink", []):
        sink.update(sink.pop("options", {}))
    for one in (found, *found.get("then", [])):
        if set(one["model"]) == {"file"}:
            one["model"] = one["model"]["file"]
    if "gallery" in found:
        found["gallery"].update(found["gallery"].pop("options", {}))
    return found


def _differing(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults."""
    found = {}
    for one in fields(value):
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if (own := getattr(value, one.name)) != default:
            found[one.name] = _plain(own)
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return _differing(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
