"""``Context`` is what a sink may know of the loop besides its events."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.control import Control
from edge.frames import Frame
from edge.signature import Signature
from edge.sources.base import Source
from edge.stats import Stats


@dataclass(frozen=True)
class Context:
    """What a sink may know of the loop besides its events.

    Attributes:
        sources: the sources, each with a name of its own.
        stats: the counters.
        control: the settings that may be changed.
        signature: the network's inputs, outputs and task. None when no network is known.
        labels: the network's class names. Empty when it has none.
        model: the network's name for the user.
        backend: the name of the runtime.
        tracked: whether objects are followed, so that lines can count who crosses them.
    """

    sources: Sequence[Source]
    stats: Stats = field(default_factory=Stats)
    control: Control = field(default_factory=Control)
    signature: Signature | None = None
    labels: tuple[str, ...] = ()
    model: str = ""
    backend: str = ""
    tracked: bool = True

    def source_of(self, frame: Frame) -> Source:
        """Return the source of a frame, or the first one when no source has the name of its stream."""
        return next((source for source in self.sources if source.name == frame.stream), self.sources[0])

    @property
    def live(self) -> bool:
        """Whether a source is live, so that the loop does not wait for sinks."""
        return any(source.live for source in self.sources)

    @property
    def fps(self) -> float | None:
        """The frame rate that the only source states. None for several sources, images and live sources."""
        return self.sources[0].fps if len(self.sources) == 1 else None
