"""What can only be checked when the network is open: that names are known, and that its task fits what is asked.

A name that is misspelt would otherwise be waited for in silence.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from edge import thermal
from edge.camera.config import CameraConfig
from edge.control import Settings
from edge.errors import InputError, unknown_name
from edge.session import Session
from edge.signature import Signature

WITH_PREDICTIONS = ("classify", "detect")
"""The tasks whose results have predictions. A gallery adds them to those of ``embed``."""

WITH_OBJECTS = ("detect", "keypoints")
"""The tasks whose results have objects at places, which can be followed and counted."""

CHANGING = ("mqtt", "preview")
"""The sinks that may add lines and zones while the loop runs."""


def known_labels(networks: Sequence[Session], gallery: Any) -> frozenset[str] | None:
    """Return every label that a result can have, None when the labels of a network are not known.

    Args:
        networks: the network, and those that look at its objects.
        gallery: the gallery (``edge.stages.gallery.Gallery``). None without one.
    """
    found: set[str] = set()
    for network in networks:
        if network.signature.task.name not in WITH_PREDICTIONS:
            continue
        decoder = getattr(network.task, "decoder", None)
        names = network.labels or getattr(network.task, "labels", ()) or getattr(decoder, "labels", ())
        if not names or all(name.isdecimal() for name in names):
            return None
        found |= set(names)
    if gallery is not None:
        found |= {*gallery.names, gallery.unknown}
    return frozenset(found)


def check_settings(settings: Settings, tracked: bool, labels: frozenset[str] | None) -> None:
    """Raise InputError for settings that would have no effect.

    Args:
        settings: the settings.
        tracked: whether objects are followed.
        labels: every label that a result can have. None when they are not known.
    """
    from edge.stages.counting import check_without_tracker

    if not tracked:
        check_without_tracker(settings)
    if labels is None:
        return
    for one in sorted(settings.labels or ()):
        _check_label(one, labels)
    for shapes in settings.shapes.values():
        for shape in shapes:
            for one in shape.labels:
                _check_label(one, labels)


def check_task(config: CameraConfig, signature: Signature) -> None:
    """Raise InputError for parts of a configuration that do not fit the network.

    Args:
        config: the configuration.
        signature: the network's signature.
    """
    task = signature.task.name
    if config.motion is not None and config.motion.crop and (signature.over_clips or signature.tiled):
        what = "clips" if signature.over_clips else "tiles"
        raise InputError(f"motion crop gives another part of each frame, and the network runs on {what}: use --motion")
    predicts = task in WITH_PREDICTIONS or (task == "embed" and config.gallery is not None)
    if config.show_labels is not None and not predicts:
        raise InputError(f"labels are kept of classes and objects, and task {task} gives none: leave out --show")
    asked = {"trackers": config.track is not None, "lines and zones": bool(config.line or config.zone)}
    for what, is_asked in asked.items():
        if is_asked and task not in WITH_OBJECTS:
            raise InputError(f"{what} need objects with places, and task {task} gives none: use a detector")
    for sink in config.sink:
        if "on" in _options(sink.kind) and not (predicts or task in WITH_OBJECTS):
            raise InputError(f"{sink.kind} acts on classes and objects, and task {task} gives none")


def check_triggers(config: CameraConfig, labels: frozenset[str] | None) -> None:
    """Raise InputError for a condition of ``on`` that can never be fulfilled.

    Args:
        config: the configuration.
        labels: every label that a result can have. None when they are not known.
    """
    if any(sink.kind in CHANGING for sink in config.sink):
        places = None
    else:
        places = {
            "line": {line.name for line in config.line},
            "zone": {zone.name for zone in config.zone},
            "dwell": {zone.name for zone in config.zone if zone.dwell > 0},
        }
    for sink in config.sink:
        for text in _conditions(sink.options.get("on", ())):
            _check_condition(text, labels, places)


def notes(config: CameraConfig) -> tuple[str, ...]:
    """Return a line for each option that has no effect on this machine."""
    if config.pace is None or not config.pace.soft_limit:
        return ()
    reading = thermal.read()
    if reading.celsius is not None or reading.throttled is not None:
        return ()
    return ("this machine shows no temperature: --cool-at has no effect here",)


def _check_condition(text: str, labels: frozenset[str] | None, places: dict[str, set[str]] | None) -> None:
    from edge.sinks.trigger import parse

    condition = parse(text)
    if condition.kind == "label" and labels is not None:
        _check_label(condition.name, labels)
    if places is None or condition.kind not in places or condition.name in places[condition.kind]:
        return
    if condition.kind == "dwell" and condition.name in places["zone"]:
        raise InputError(f"{text!r} needs a zone with a dwell time: state dwell for zone {condition.name!r}")
    raise unknown_name("zone" if condition.kind == "dwell" else condition.kind, condition.name, places[condition.kind])


def _check_label(name: str, labels: frozenset[str]) -> None:
    if name not in labels:
        raise unknown_name("label", name, labels)


def _conditions(on: Any) -> Iterable[str]:
    return (on,) if isinstance(on, str) else on


def _options(kind: str) -> Iterable[str]:
    """Return the names of a sink's options."""
    from edge import registry
    from edge.sinks import SINKS

    if kind not in SINKS:
        return ()
    return getattr(getattr(registry.load("sink", SINKS, kind), "Options", None), "__dataclass_fields__", ())
