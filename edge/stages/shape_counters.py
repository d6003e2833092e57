"""``LineCounter`` and ``ZoneCounter`` count the tracks at one line or in one zone."""

from dataclasses import dataclass
from typing import Literal

from edge.places import Line, Zone
from edge.results import Occurrence
from edge.stages.crossing import Margin, Pixel, crossings, depths_in_zone


@dataclass(frozen=True)
class Seen:
    """An object of a frame as the counters need it.

    Attributes:
        label: the class name.
        id: the number of its track.
        at: the anchor point, in pixels.
    """

    label: str
    id: int
    at: Pixel


@dataclass
class _Path:
    """A track near a line. ``net`` is the sum of its crossings since it was clear of the line."""

    at: Pixel
    net: int
    last: float


class LineCounter:
    """Counts each track once when it has crossed the line and is clear of it again.

    A track that jitters on the line goes to and fro many times. What counts is on which side it is in the end.
    """

    def __init__(self, line: Line) -> None:
        """Start with zero."""
        self.shape = line
        self.counts = {"in": 0, "out": 0}
        self._paths: dict[int, _Path] = {}

    def step(
        self, seen: list[Seen], points: tuple[Pixel, ...], margin: Margin, now: float, grace: float
    ) -> list[Occurrence]:
        """Take the objects of a frame and return who has crossed.

        Args:
            seen: the objects with a label that counts.
            points: of the line, in pixels.
            margin: the distance from which on a track is clear of the line.
            now: the time in seconds.
            grace: the time in seconds after which a track that is not seen is forgotten.
        """
        found = []
        for one in seen:
            path = self._paths.setdefault(one.id, _Path(one.at, 0, now))
            path.net += crossings(points, path.at, one.at)
            path.at, path.last = one.at, now
            if path.net and margin.is_clear(points, one.at):
                direction: Literal["in", "out"] = "in" if path.net > 0 else "out"
                self.counts[direction] += 1
                found.append(Occurrence("cross", self.shape.name, one.label, one.id, direction))
                path.net = 0
        self._paths = {number: path for number, path in self._paths.items() if now - path.last <= grace}
        return found


@dataclass
class _Stay:
    """A track in a zone: since when, when it was last seen, and whether its dwell time was reported."""

    label: str
    since: float
    last: float
    reported: bool = False


class ZoneCounter:
    """Counts the tracks in a zone. At any time ``entered - left == now``.

    A track enters when its anchor is inside, and leaves when it is clearly outside, so that jitter on the border counts
    once. A track that appears in the zone enters it, and one that is not seen for the grace time leaves it.
    """

    def __init__(self, zone: Zone) -> None:
        """Start with zero."""
        self.shape = zone
        self.counts = {"now": 0, "entered": 0, "left": 0}
        self._stays: dict[int, _Stay] = {}

    def step(
        self, seen: list[Seen], points: tuple[Pixel, ...], margin: Margin, now: float, grace: float
    ) -> list[Occurrence]:
        """Take the objects of a frame and return who entered, left, or has been there for the dwell time.

        Args:
            seen: the objects with a label that counts.
            points: of the zone, in pixels.
            margin: the distance from the border from which on a track is outside.
            now: the time in seconds.
            grace: the time in seconds after which a track that is not seen has left.
        """
        found, border = [], (*points, points[0])
        for one, depth in zip(seen, depths_in_zone(points, [one.at for one in seen]), strict=True):
            stay = self._stays.get(one.id)
            if stay is not None:
                stay.last = now
                if depth < 0 and margin.is_clear(border, one.at):
                    found.append(self._leave(one.id, now))
            elif depth >= 0:
                self._stays[one.id] = _Stay(one.label, now, now)
                self.counts["entered"] += 1
                found.append(Occurrence("enter", self.shape.name, one.label, one.id))
        for number in [number for number, stay in self._stays.items() if now - stay.last > grace]:
            found.append(self._leave(number, self._stays[number].last))
        self.counts["now"] = len(self._stays)
        return found + self._dwelling(now)

    def _leave(self, number: int, when: float) -> Occurrence:
        stay = self._stays.pop(number)
        self.counts["left"] += 1
        return Occurrence("leave", self.shape.name, stay.label, number, seconds=when - stay.since)

    def _dwelling(self, now: float) -> list[Occurrence]:
        dwell = self.shape.dwell
        found = []
        for number, stay in self._stays.items():
            if dwell > 0 and not stay.reported and now - stay.since >= dwell:
                stay.reported = True
                name = self.shape.name
                found.append(Occurrence("dwell", name, stay.label, number, seconds=now - stay.since))
        return found
