"""Sinks write results. Each sink has a file and a row in the table. Importing this package imports no sink.

The table names a class, or a function that makes the sink. It takes a target, such as a file name, and the loop's
``Context``. A sink with more options has a dataclass of them in its attribute ``Options``, and takes one as its third
argument. Another package adds a sink with an entry point of the group ``edge.sinks`` that names such a class.
"""

from collections.abc import Mapping
from typing import Any

from edge import registry
from edge.errors import InputError
from edge.registry import Entry
from edge.sinks.base import Sink
from edge.sinks.context import Context
from edge.sources.base import Source

__all__ = ["SINKS", "Sink", "names", "open_sink"]

SINKS: dict[str, Entry] = {
    "clips": Entry("edge.sinks.event_clips:EventClips", "a video of each event, into a folder"),
    "csv": Entry("edge.sinks.csv:Csv", "a table with a row for each thing that was found, or - for stdout"),
    "hook": Entry("edge.sinks.hook:Hook", "a shell command for each event"),
    "jsonl": Entry("edge.sinks.jsonl:JsonLines", "one JSON object per frame into a file, or - for stdout"),
    "metrics": Entry(
        "edge.sinks.metrics:Metrics", "counters for Prometheus, on [HOST:]PORT", "metrics", ("prometheus_client",)
    ),
    "mqtt": Entry("edge.sinks.mqtt:Mqtt", "results and counters to an MQTT broker", "mqtt", ("paho",)),
    "preview": Entry(
        "edge.sinks.preview:Preview",
        "a web page with live video, results and settings, HOST:PORT",
        "preview",
        ("starlette", "uvicorn"),
    ),
    "record": Entry("edge.sinks.record:Record", "an annotated video, .avi or .mp4"),
    "snapshot": Entry("edge.sinks.snapshot:Snapshot", "the last frame as an annotated picture"),
    "snapshots": Entry("edge.sinks.event_snapshots:EventSnapshots", "a picture of each event, into a folder"),
    "terminal": Entry("edge.sinks.terminal:Terminal", "one line on the terminal: stdout or stderr"),
    "webhook": Entry("edge.sinks.webhook:Webhook", "a JSON object for each event, posted to an HTTP address"),
}


def names() -> list[str]:
    """Return the name of every sink, installed or not."""
    return registry.names("sink", SINKS)


def open_sink(name: str, target: str, context: Context | Source, options: Mapping[str, Any] | None = None) -> Sink:
    """Open a sink.

    Args:
        name: the name of the sink.
        target: the destination, such as a file name.
        context: what the sink may know of the loop. ``Loop.context`` returns it; the source alone is enough for most.
        options: the sink's options by name.

    Raises:
        InputError: the name, the target or an option is unknown, or a plug-in does not state its policy.
        FileError: the target cannot be written.
    """
    factory = registry.load("sink", SINKS, name)
    known = context if isinstance(context, Context) else Context([context])
    sink: Sink = factory(target, known, *_options(name, factory, options or {}))
    if missing := [field for field in ("name", "lossless", "on_error") if not hasattr(sink, field)]:
        sink.close()
        raise InputError(f"sink {name!r} must state {', '.join(missing)}; see edge.sinks.base.Sink")
    return sink


def _options(name: str, factory: Any, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the third argument of a sink that has options."""
    kind = getattr(factory, "Options", None)
    if kind is None:
        if given:
            raise InputError(f"sink {name} has no options, got {', '.join(given)}")
        return ()
    from edge.options import build  # few sinks have options

    return (build(kind, given, f"sink {name}"),)
