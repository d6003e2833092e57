"""``CameraConfig`` says everything that a camera run can be told. The command line and ``camera.toml`` both make one.

``build`` makes it from nested mappings. ``docs/camera-toml.md`` lists all keys.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from edge import options
from edge.errors import InputError
from edge.places import Line, Zone
from edge.session_options import SessionOptions
from edge.sources.options import SourceOptions


@dataclass(frozen=True)
class ModelConfig:
    """A model and how it runs. The fields besides ``file`` are those of ``edge.session_options.SessionOptions``."""

    file: Path
    backend: str | None = None
    device: str | None = None
    threads: int | None = None
    precision: str | None = None
    labels: Path | None = None
    task: str | None = None
    decoder: str | None = None
    colour: Literal["RGB", "BGR", "GRAY"] | None = None
    mean: tuple[float, ...] | float | None = None
    std: tuple[float, ...] | float | None = None
    resize: Literal["stretch", "letterbox", "crop", "tile"] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    isolate: bool = False

    def options(self) -> SessionOptions:
        """Return the options of the session."""
        given = {name: getattr(self, name) for name in ModelConfig.__dataclass_fields__ if name != "file"}
        return SessionOptions(**given)


@dataclass(frozen=True)
class ThenConfig:
    """A second network, which looks at the objects that the first one finds.

    Attributes:
        model: the network.
        boxes: which objects it gets, ``edge.stages.cascade.CascadeOptions``. None takes the defaults.
    """

    model: ModelConfig
    boxes: Any = None


@dataclass(frozen=True)
class GalleryConfig:
    """Known pictures, by which an embedding network names what it sees.

    Attributes:
        folder: the pictures, ``NAME.jpg`` or ``NAME/*.jpg``.
        options: how embeddings are compared, ``edge.stages.gallery.GalleryOptions``. None takes the defaults. In
            ``camera.toml`` they stand beside ``folder``.
    """

    folder: Path
    options: Any = None


@dataclass(frozen=True)
class SourceConfig(SourceOptions):
    """A source with its options.

    Attributes:
        address: the text of ``edge-camera --source``.
    """

    address: str = "0"


@dataclass(frozen=True)
class LineConfig(Line):
    """A line of one source, or of all.

    Attributes:
        source: the source's name. Empty stands for all sources.
    """

    source: str = ""


@dataclass(frozen=True)
class ZoneConfig(Zone):
    """A zone of one source, or of all.

    Attributes:
        source: the source's name. Empty stands for all sources.
    """

    source: str = ""


@dataclass(frozen=True)
class SinkConfig:
    """An output.

    Attributes:
        kind: its name in ``edge.sinks.SINKS``.
        target: its destination, such as a file or an address.
        options: the sink's own options by name. In ``camera.toml`` they stand beside ``kind`` and ``target``.
    """

    kind: str
    target: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraConfig:
    """Everything that a run can be told.

    Attributes:
        model: the network.
        source: the sources; without any, the first camera.
        then: further networks for the objects of the first one.
        gallery: known pictures for an embedding network. None names nothing.
        line: lines at which crossings are counted.
        zone: zones in which objects are counted.
        sink: the outputs.
        track: how objects are followed, ``edge.stages.tracker.TrackerOptions``. None does not follow them.
        counting: how objects are counted, ``edge.stages.counting.CountingOptions``. None takes the defaults.
        motion: when something counts as motion, ``edge.stages.motion.MotionOptions``. None runs on still scenes too.
        pace: how many frames the network gets, ``edge.stages.pace.PaceOptions``. None gives it all.
        show_labels: the labels that are kept. None keeps all.
        max_frames: the number of results after which the run ends. None means no limit.
        quiet: whether no line per frame is printed.
    """

    model: ModelConfig
    source: tuple[SourceConfig, ...] = (SourceConfig(),)
    then: tuple[ThenConfig, ...] = ()
    gallery: GalleryConfig | None = None
    line: tuple[LineConfig, ...] = ()
    zone: tuple[ZoneConfig, ...] = ()
    sink: tuple[SinkConfig, ...] = ()
    track: Any = None
    counting: Any = None
    motion: Any = None
    pace: Any = None
    show_labels: frozenset[str] | None = None
    max_frames: int | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        """Raise InputError when parts do not fit each other."""
        if not self.source:
            raise InputError("a camera needs at least one source")
        if self.max_frames is not None and self.max_frames < 1:
            raise InputError(f"max_frames must be at least 1, got {self.max_frames}")
        if (count := sum(sink.target == "-" for sink in self.sink)) > 1:
            raise InputError(f"only one output can write to stdout, got {count}")
        names = {source.name for source in self.source}
        shapes: list[LineConfig | ZoneConfig] = [*self.line, *self.zone]
        for shape in shapes:
            if shape.source and shape.source not in names:
                known = ", ".join(sorted(filter(None, names))) or "no source has a name"
                raise InputError(f"{shape.name!r} is of source {shape.source!r}, which is unknown: {known}")


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
    return options.build(CameraConfig, known, "", raise_at)


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
    if isinstance(boxes := found.get("boxes"), Mapping):
        target, what = "edge.stages.cascade:CascadeOptions", f"then[{place}] boxes"
        found["boxes"] = _options(target, boxes, what, fail, ("then", place, "boxes"))
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
    if not isinstance(value, Mapping):
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
