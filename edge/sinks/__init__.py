"""Where results go: one file each, one table. Importing this package imports no sink.

A sink is made by a function of a target (a file name, or what that sink takes) and the source it serves. A third
party adds one with an entry point of the group ``edge.sinks`` that names such a function.
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
    """Return sink ``name`` writing to ``target``.

    Raises InputError for an unknown name or target, or a plug-in that does not state its policy; FileError when the
    target cannot be written.
    """
    sink: Sink = registry.load("sink", SINKS, name)(target, source)
    if missing := [field for field in ("name", "lossless", "on_error") if not hasattr(sink, field)]:
        sink.close()
        raise InputError(f"sink {name!r} must state {', '.join(missing)}; see edge.sinks.base.Sink")
    return sink
