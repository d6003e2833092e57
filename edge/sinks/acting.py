"""``TriggerOptions`` and ``Watch`` are shared by the sinks that act on events: which events, and how long they last."""

from dataclasses import dataclass
from typing import Any

from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.timeline import Timeline
from edge.sinks.trigger import Activity, Trigger


@dataclass(frozen=True)
class TriggerOptions:
    """Which events a sink acts on.

    Attributes:
        on: a condition or several, such as ``person``, ``person>0.6``, ``zone:yard``, ``line:door``, ``dwell:bench`` or
            ``any``. See ``edge.sinks.trigger``.
        hold: an event ends after this time in seconds without a fulfilled condition.
        cooldown: the least time in seconds from the beginning of an event to that of the next.
    """

    on: str | tuple[str, ...] = ("any",)
    hold: float = 3.0
    cooldown: float = 0.0

    def __post_init__(self) -> None:
        """Raise InputError for a condition that is none, or a negative time."""
        self.trigger()

    def trigger(self) -> Trigger:
        """Return a trigger for these options."""
        conditions = (self.on,) if isinstance(self.on, str) else self.on
        return Trigger(conditions, self.hold, self.cooldown)


class Watch:
    """Follows the events of all sources."""

    def __init__(self, context: Context, options: TriggerOptions) -> None:
        """Start without events."""
        self._context, self._trigger = context, options.trigger()
        self._timelines: dict[str, Timeline] = {}

    def __call__(self, event: Event) -> tuple[str, float, Activity]:
        """Return the source's name, the frame's time in seconds on the source's timeline, and what the frame is."""
        source = self._context.source_of(event.frame)
        timeline = self._timelines.get(source.name)
        if timeline is None:
            timeline = self._timelines[source.name] = Timeline(source)
        seconds = timeline(event.frame)
        return source.name, seconds, self._trigger(source.name, event.result, seconds)


def as_json(event: Event, activity: Activity) -> dict[str, Any]:
    """Return the JSON object of an event: the result's object with ``trigger``, ``phase`` and ``occurrences``."""
    return {
        "trigger": "" if activity.cause is None else str(activity.cause),
        "phase": activity.phase,
        **event.result.as_json(),
        "occurrences": [one.as_json() for one in event.result.occurrences],
    }
