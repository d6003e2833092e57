"""``CameraConfig`` says everything that a camera run can be told. The command line and ``camera.toml`` both make one.

``edge.camera.mappings`` makes it from nested mappings. ``docs/camera-toml.md`` lists all keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
