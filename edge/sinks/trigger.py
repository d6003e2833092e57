"""``Trigger`` decides which results make a sink act, and when what it acts on begins and ends.

    trigger = Trigger(["person>0.6", "zone:yard"], hold=5.0)
    begun = trigger(event, seconds)

Conditions are texts:

- ``person``: a prediction with this label, also one of a nested result; ``label:person`` is the same, for labels that
  look like another condition.
- ``person>0.6``: the same with a higher score than this. ``any>0.6`` takes every label.
- ``zone:yard``: an object is in this zone. ``dwell:bench``: an object has stayed in this zone for its dwell time.
- ``line:door``: an object crossed this line.
- ``any``: any prediction, pose or occurrence.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from edge.errors import InputError
from edge.results import Prediction, Result

Kind = Literal["any", "label", "zone", "line", "dwell"]
MAX_CONDITIONS = 64


@dataclass(frozen=True)
class Condition:
    """One condition.

    Attributes:
        kind: what is looked at.
        name: the label, or the name of the line or zone. Empty for ``any``.
        above: a prediction must have a higher score than this.
    """

    kind: Kind
    name: str = ""
    above: float = -math.inf

    def __str__(self) -> str:
        """Return the short text for people and names of files: ``person``, ``zone:yard``."""
        return self.kind if self.kind == "any" else self.name if self.kind == "label" else f"{self.kind}:{self.name}"

    def fits(self, result: Result) -> bool:
        """Return whether a result fulfils the condition."""
        if self.kind == "zone":
            inside = any(place.name == self.name and place.counts.get("now", 0) > 0 for place in result.places)
            return inside or any(one.kind == "enter" and one.place == self.name for one in result.occurrences)
        if self.kind in ("line", "dwell"):
            wanted = "cross" if self.kind == "line" else "dwell"
            return any(one.kind == wanted and one.place == self.name for one in result.occurrences)
        found = (one for one in _predictions(result) if self.kind == "any" or one.label == self.name)
        if any(one.score > self.above for one in found):
            return True
        return self.kind == "any" and (self._fits_pose(result) or (self.above < 0 and bool(result.occurrences)))

    def _fits_pose(self, result: Result) -> bool:
        return any(pose.score > self.above for pose in result.poses)


def parse(text: str) -> Condition:
    """Return the condition that a text states. Raises InputError for a text that states none."""
    kinds = ", ".join(f"{kind}:NAME" for kind in get_args(Kind)[2:])
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"a trigger must be a label, LABEL>SCORE, {kinds} or any, got {text!r}")
    prefix, colon, rest = text.strip().partition(":")
    kind = prefix if colon and prefix in get_args(Kind)[1:] else "label"
    name = rest if kind == prefix and colon else text.strip()
    above = -math.inf
    if kind == "label" and ">" in name:
        name, _, score = name.rpartition(">")
        above = _score(text, score)
    name = name.strip()
    if not name:
        raise InputError(f"trigger {text!r} must name a label, a line or a zone; for example person or zone:yard")
    if name == "any" and not colon:
        return Condition("any", above=above)
    return Condition(kind, name, above)  # type: ignore[arg-type]


def _score(text: str, score: str) -> float:
    try:
        value = float(score)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise InputError(f"the score of trigger {text!r} must be from 0 to below 1, got {score.strip()!r}")
    return value


def _predictions(result: Result) -> Iterator[Prediction]:
    """Yield the predictions of a result and of the results nested in it."""
    for one in result.predictions:
        yield one
        if one.nested is not None:
            yield from _predictions(one.nested)


@dataclass
class _LastEvent:
    """The event of one source. Times are seconds."""

    begun: float = -math.inf
    hit: float = -math.inf
    active: bool = False


@dataclass(frozen=True)
class Activity:
    """What a trigger says of one frame.

    Attributes:
        phase: ``begin`` for the first frame of an event, ``on`` for the others, ``end`` for the first frame after it,
            and ``off``.
        cause: the condition that this frame fulfils. None when it fulfils none.
    """

    phase: Literal["off", "begin", "on", "end"]
    cause: Condition | None = None


class Trigger:
    """Finds the events of each source. An event lasts until no condition was fulfilled for the hold time."""

    def __init__(self, conditions: Sequence[str], hold: float = 0.0, cooldown: float = 0.0) -> None:
        """Parse the conditions.

        Args:
            conditions: the conditions as texts; one that is fulfilled is enough.
            hold: the time in seconds without a fulfilled condition after which an event ends.
            cooldown: the least time in seconds from the beginning of an event to that of the next.

        Raises:
            InputError: a text is no condition, there is none, or a time is negative.
        """
        if not 0 < len(conditions) <= MAX_CONDITIONS:
            raise InputError(f"a trigger must have 1 to {MAX_CONDITIONS} conditions, got {len(conditions)}")
        self.conditions = tuple(parse(text) for text in conditions)
        for name, value in (("hold", hold), ("cooldown", cooldown)):
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be 0 or more seconds, got {value}")
        self._hold, self._cooldown = hold, cooldown
        self._of: dict[str, _LastEvent] = {}

    def __call__(self, source: str, result: Result, seconds: float) -> Activity:
        """Return what a frame is in the event of its source.

        Args:
            source: the name of the source.
            result: the frame's result.
            seconds: the time of the frame, on a clock of the source that does not go back.
        """
        now = self._of.setdefault(source, _LastEvent())
        cause = next((one for one in self.conditions if one.fits(result)), None)
        if cause is not None:
            now.hit = seconds
        if now.active:
            if cause is not None or seconds - now.hit < self._hold:
                return Activity("on", cause)
            now.active = False
            return Activity("end")
        if cause is None or seconds - now.begun < self._cooldown:
            return Activity("off", cause)
        now.begun, now.active = seconds, True
        return Activity("begin", cause)
