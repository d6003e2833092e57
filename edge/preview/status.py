"""What the page shows of the loop and the machine, as JSON."""

import time
from typing import Any

from edge import __version__, thermal
from edge.preview import settings
from edge.preview.feed import Feed
from edge.results import rounded
from edge.sinks.context import Context


def facts(context: Context) -> dict[str, Any]:
    """Return what changes only when somebody changes it: the network, the sources and the settings."""
    signature = context.signature
    return {
        "version": __version__,
        "model": context.model,
        "backend": context.backend,
        "task": signature.task.name if signature else "",
        "own_threshold": signature.score_threshold if signature else None,
        "labels": list(context.labels),
        "tracked": context.tracked,
        "sources": [source.name for source in context.sources],
        "settings": settings.as_json(context.control.settings),
    }


def moment(context: Context, feed: Feed) -> dict[str, Any]:
    """Return the counters, rates, times and temperatures of this moment. Times are in ms, idle times in seconds."""
    now, machine = context.stats.snapshot(), thermal.read()
    return {
        "rates": {name: round(value, 2) for name, value in now.recent._asdict().items()},
        "frames": now.frames,
        "dropped": now.dropped,
        "skipped": now.skipped,
        "lost": now.lost,
        "lost_by_sink": dict(now.lost_by_sink),
        "sink_errors": now.sink_errors,
        "faults": now.faults,
        "age_median": rounded(now.age_median, 1),
        "age_p90": rounded(now.age_p90, 1),
        "infer_median": rounded(now.infer_median, 2),
        "infer_p90": rounded(now.infer_p90, 2),
        "temperature": machine.celsius,
        "throttled": machine.throttled,
        "viewers": feed.count("video"),
        "sources": [_source(source, feed) for source in context.sources],
    }


def _source(source: Any, feed: Feed) -> dict[str, Any]:
    """Return what a source is and how it is. One that supervises its device says how that is, in ``state``.

    ``live`` only tells a camera from a file, whether frames come or not.
    """
    seen = feed.seen.get(source.name)
    state = getattr(source, "state", "")
    return {
        "name": source.name,
        "live": source.live,
        "state": state if isinstance(state, str) else "",
        "idle": None if seen is None else round(time.monotonic() - seen, 1),
    }
