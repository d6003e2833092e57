"""``open_camera`` makes the loop that a configuration describes, with its sinks."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from edge.camera import checks
from edge.camera.config import CameraConfig, GalleryConfig, LineConfig, SinkConfig, SourceConfig, ThenConfig, ZoneConfig
from edge.closing import Closing
from edge.control import Control, Settings, Shape
from edge.opening import open_session
from edge.pipeline import Loop
from edge.places import Line, Zone
from edge.session import Session
from edge.sinks import Sink, open_sink
from edge.sources import Source, open_source
from edge.sources.options import SourceOptions
from edge.stages.base import Gate, PerSource, Stage
from edge.stats import StatsSnapshot

if TYPE_CHECKING:
    from edge.stages.gallery import Gallery


class Camera(Closing):
    """An opened network, its sources, stages and sinks. A context manager that closes them.

    Attributes:
        network: the network.
        loop: the loop, with its counters and settings.
        notes: what was found out or assumed, one line each.
    """

    def __init__(self, config: CameraConfig, heartbeat: Callable[[], None] | None = None) -> None:
        """Open everything. What ``edge.opening``, ``edge.sources`` and ``edge.sinks`` raise is raised.

        Args:
            config: the configuration.
            heartbeat: see ``edge.pipeline.Loop``.
        """
        self._open, self._asked = ExitStack(), config.model.backend
        self._tracked = config.track is not None
        try:
            self.network: Session = self._open.enter_context(open_session(config.model.file, config.model.options()))
            checks.check_task(config, self.network.signature)
            sources = [self._open.enter_context(_source(one)) for one in config.source]
            control = Control(_settings(config))
            self.loop = Loop(
                sources,
                self.network,
                _gate(config, self.network),
                stages=self._stages(config, control),
                max_frames=config.max_frames,
                heartbeat=heartbeat,
                control=control,
                score_floor=_score_floor(config, self.network),
            )
            self._sinks = [self._open.enter_context(self._sink(one)) for one in _sinks(config)]
        except BaseException:
            self._open.close()
            raise
        self.notes = (*self.network.notes, *checks.notes(config))

    @property
    def sources(self) -> Sequence[Source]:
        """The sources."""
        return self.loop.context.sources

    def passed_over(self) -> tuple[str, ...]:
        """Return a line for each runtime that is not used, with the reason."""
        from edge.opening import passed_over

        return passed_over(self.network, self._asked)

    def run(self) -> StatsSnapshot:
        """Run until the sources end, the configured number of results is done, or ``stop`` is called."""
        return self.loop.run(self._sinks)

    def stop(self) -> None:
        """End the run after the present frame. Any thread or signal handler may call it."""
        self.loop.stop()

    def close(self) -> None:
        """Close what is still open."""
        self._open.close()

    def _stages(self, config: CameraConfig, control: Control) -> list[Stage]:
        """Return the stages after the network, in their order.

        Selection and counting always run with a sink that may change the settings, and else when they are needed.
        """
        changes = any(sink.kind in checks.CHANGING for sink in config.sink)
        stages: list[Stage] = []
        if config.track is not None:
            from edge.stages.tracker import Tracker

            stages.append(PerSource(lambda: Tracker(config.track)))
        if config.show_labels is not None or config.track is not None or changes:
            from edge.stages.selection import Selection

            stages.append(Selection(control, self.network.signature.score_threshold))
        seconds = [self._second_network(then, stages) for then in config.then]
        gallery = None if config.gallery is None else _gallery(config.gallery, (self.network, *seconds))
        stages += [] if gallery is None else [gallery]
        labels = checks.known_labels((self.network, *seconds), gallery)
        checks.check_triggers(config, labels)
        control.check_with(lambda settings: checks.check_settings(settings, self._tracked, labels))
        if config.line or config.zone or config.counting is not None or changes:
            from edge.stages.counting import Counter

            age = {} if config.track is None else {"max_age": config.track.max_age}
            stages.append(PerSource(lambda: Counter(control, self._tracked, config.counting, **age)))
        return stages

    def _second_network(self, config: ThenConfig, stages: list[Stage]) -> Session:
        """Open a second network, add its stage, and return it."""
        from edge.stages.cascade import Cascade, CascadeOptions

        network = self._open.enter_context(open_session(config.model.file, config.model.options()))
        stages.append(Cascade(network, config.boxes or CascadeOptions(), self.network, self.network.labels))
        return network

    def _sink(self, config: SinkConfig) -> Sink:
        context = replace(self.loop.context, tracked=self._tracked)
        return open_sink(config.kind, config.target, context, config.options)


def open_camera(config: CameraConfig, heartbeat: Callable[[], None] | None = None) -> Camera:
    """Open the camera that a configuration describes. See ``Camera``."""
    return Camera(config, heartbeat)


def _gallery(config: GalleryConfig, networks: Sequence[Session]) -> "Gallery":
    """Return the stage that names what the embedding network among ``networks`` sees."""
    from edge.stages.gallery import Gallery

    embedding = [one for one in networks if one.signature.task.name == "embed"]
    return Gallery(config.folder, next(iter(embedding), networks[0]), config.options)


def _score_floor(config: CameraConfig, network: Session) -> float | None:
    """Return the score from which on ByteTrack needs the network's objects."""
    own = network.signature.score_threshold
    if own is None or config.track is None or config.track.method != "bytetrack" or config.track.low_threshold >= own:
        return None
    return float(config.track.low_threshold)


def _source(config: SourceConfig) -> Source:
    given = {one.name: getattr(config, one.name) for one in fields(SourceOptions)}
    return open_source(config.address, SourceOptions(**given))


def _settings(config: CameraConfig) -> Settings:
    shapes: dict[str, tuple[Shape, ...]] = {}
    stated: list[LineConfig | ZoneConfig] = [*config.line, *config.zone]
    for one in stated:
        kind = Line if isinstance(one, Line) else Zone
        shape = kind(**{field.name: getattr(one, field.name) for field in fields(kind)})
        shapes[one.source] = (*shapes.get(one.source, ()), shape)
    return Settings(labels=config.show_labels, shapes=shapes)


def _gate(config: CameraConfig, network: Session) -> Gate | None:
    """Return the gates of the configuration as one, which keeps a state for each source."""
    gates: list[Gate] = []
    if config.pace is not None:
        from edge.stages.pace import Governor, Pace

        governor = Governor(config.pace)
        gates.append(PerSource(lambda: Pace(config.pace, governor)))
    if config.motion is not None:
        from edge.stages.motion import MotionGate

        image = network.signature.image
        size = image.size if image is not None else (224, 224)
        gates.append(PerSource(lambda: MotionGate(config.motion, size)))
    if len(gates) < 2:
        return next(iter(gates), None)
    from edge.stages.base import InTurn

    return InTurn(gates)


def _sinks(config: CameraConfig) -> list[SinkConfig]:
    """Return the sinks, with the terminal unless the run is quiet."""
    if config.quiet or any(sink.kind == "terminal" for sink in config.sink):
        return list(config.sink)
    return [*config.sink, SinkConfig("terminal", "stderr" if uses_stdout(config) else "stdout")]


def uses_stdout(config: CameraConfig) -> bool:
    """Return whether a sink writes data to stdout, which must hold nothing else then."""
    return any(sink.target == "-" for sink in config.sink)
