"""``Counter`` counts the objects of a source that cross its lines and are in its zones, which may change while it runs.

It needs the numbers of a tracker. Without one it can only state how many boxes are in a zone at present.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.control import Control, Settings, Shape
from edge.errors import InputError
from edge.frames import Frame
from edge.places import Anchor, Line, Zone
from edge.results import Box, Occurrence, Place, Result
from edge.stages.clock import Clock, Elapsed, capture_time
from edge.stages.crossing import Margin, Pixel, depths_in_zone
from edge.stages.objects import PlacedObject, placed_objects
from edge.stages.shape_counters import LineCounter, Seen, ZoneCounter
from edge.stages.tracker import TrackerOptions


@dataclass(frozen=True)
class CountingOptions:
    """How objects are counted at lines and in zones.

    Attributes:
        hysteresis: the distance that a track must have from a line before it counts as crossed, and from a zone before
            it counts as left, as a fraction of the frame's shorter side. Towards the frame's border it is at most half
            of the room that there is.
        grace: the time in seconds after which a track that is not seen has left a zone. None takes the tracker's
            ``max_age``, because a track may come back until then.
    """

    hysteresis: float = 0.015
    grace: float | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if not 0 <= self.hysteresis <= 0.5:
            raise InputError(f"hysteresis of counting must be from 0 to 0.5 of the frame's side, got {self.hysteresis}")
        if self.grace is not None and not 0 <= self.grace < float("inf"):
            raise InputError(f"grace of counting must be 0 or more seconds, got {self.grace}")


class Counter:
    """The lines and zones of one source. Shapes that do not change keep their counts when others do."""

    def __init__(
        self,
        control: Control,
        tracked: bool = True,
        options: CountingOptions | None = None,
        clock: Clock = capture_time,
        max_age: float = TrackerOptions.max_age,
    ) -> None:
        """Start with zero.

        Args:
            control: holds the lines and zones, which are read at every frame.
            tracked: whether a tracker runs before.
            options: how objects are counted.
            clock: the time of frames.
            max_age: the tracker's ``max_age`` in seconds: the grace time when the options state none.

        Raises:
            InputError: there are lines and no tracker.
        """
        if not tracked:
            check_without_tracker(control.settings)
        self._control, self._tracked, self._options = control, tracked, options or CountingOptions()
        self._grace = max_age if self._options.grace is None else self._options.grace
        self._elapsed = Elapsed(clock)
        self._settings: Settings | None = None
        self._counters: dict[Shape, LineCounter | ZoneCounter] = {}

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with the places of the frame and what happened at them."""
        self._elapsed(frame)
        self._refresh(frame.stream)
        if not self._counters:
            return result
        objects = placed_objects(result)
        places, occurrences = [], []
        for shape, counter in self._counters.items():
            points = _in_pixels(shape, frame.size)
            counted = [one for one in objects if not shape.labels or one.label in shape.labels]
            if self._tracked:
                occurrences += self._step(counter, counted, points, frame.size)
                counts = dict(counter.counts)
            else:
                counts = _boxes_in(shape, counted, points)
            places.append(Place(shape.name, "line" if isinstance(shape, Line) else "zone", points, counts))
        return replace(result, places=tuple(places), occurrences=(*result.occurrences, *occurrences))

    def _step(
        self,
        counter: LineCounter | ZoneCounter,
        objects: Iterable[PlacedObject],
        points: tuple[Pixel, ...],
        size: tuple[int, int],
    ) -> list[Occurrence]:
        seen = [Seen(one.label, one.id, anchor_of(one.box, counter.shape.anchor)) for one in objects if one.id]
        margin = Margin(self._options.hysteresis * min(size), size)
        return counter.step(seen, points, margin, self._elapsed.now, self._grace)

    def _refresh(self, source: str) -> None:
        """Take over the present lines and zones. Those that are as before keep their counter."""
        settings = self._control.settings
        if settings is self._settings:
            return
        self._settings = settings
        self._counters = {shape: self._counters.get(shape) or _counter(shape) for shape in settings.of(source)}


def check_without_tracker(settings: Settings) -> None:
    """Raise InputError when there is a line: crossings can only be counted with a tracker."""
    for shapes in settings.shapes.values():
        for shape in shapes:
            if isinstance(shape, Line):
                raise InputError(f"line {shape.name!r} needs a tracker to count who crosses it: turn the tracker on")


def anchor_of(box: Box, anchor: Anchor) -> Pixel:
    """Return the point of a box that stands for the object, x, y in pixels."""
    return (box[0] + box[2]) / 2, box[3] if anchor == "bottom" else (box[1] + box[3]) / 2


def _counter(shape: Shape) -> LineCounter | ZoneCounter:
    return LineCounter(shape) if isinstance(shape, Line) else ZoneCounter(shape)


def _boxes_in(shape: Shape, objects: list[PlacedObject], points: tuple[Pixel, ...]) -> dict[str, int]:
    """Return how many boxes are in a zone at present. A line that was added later counts nothing without a tracker."""
    if not isinstance(shape, Zone):
        return {}
    depths = depths_in_zone(points, [anchor_of(one.box, shape.anchor) for one in objects])
    return {"now": sum(depth >= 0 for depth in depths)}


def _in_pixels(shape: Shape, size: tuple[int, int]) -> tuple[Pixel, ...]:
    return tuple((x * size[0], y * size[1]) for x, y in shape.points)
