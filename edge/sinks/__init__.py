"""Sinks write results. Each sink has a file and a row in the table. Importing this package imports no sink.

The table names a function that makes the sink. It takes a target, such as a file name, and the source. Another package
adds a sink with an entry point of the group ``edge.sinks`` that names such a function.
"""

from edge import registry
from edge.errors import InputError
from edge.registry import Entry
from edge.sinks.base import Sink
from edge.sources.base import Source

__all__ = ["SINKS", "Sink", "names", "open_sink"]

SINKS: dict[str, Entry] = {
    "jsonl": Entry("edge.sinks.jsonl:JsonLines", "one JSON object per frame into a file, or - for stdout"),
    "record": Entry("edge.sinks.record:Record", "an annotated video, .avi or .mp4"),
    "snapshot": Entry("edge.sinks.snapshot:Snapshot", "the last frame as an annotated picture"),
    "terminal": Entry("edge.sinks.terminal:Terminal", "one line on the terminal: stdout or stderr"),
}


def names() -> list[str]:
    """Return the name of every sink, installed or not."""
    return registry.names("sink", SINKS)


def open_sink(name: str, target: str, source: Source) -> Sink:
    """Open a sink.

    Args:
        name: the name of the sink.
        target: the destination, such as a file name.
        source: the source of the frames.

    Raises:
        InputError: the name or target is unknown, or a plug-in does not state its policy.
        FileError: the target cannot be written.
    """
    sink: Sink = registry.load("sink", SINKS, name)(target, source)
    if missing := [field for field in ("name", "lossless", "on_error") if not hasattr(sink, field)]:
        sink.close()
        raise InputError(f"sink {name!r} must state {', '.join(missing)}; see edge.sinks.base.Sink")
    return sink
