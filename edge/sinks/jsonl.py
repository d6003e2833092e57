"""The sink ``jsonl`` writes results as JSON lines, one object per frame, for other programs."""

import json

from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.text_file import TextFile


class JsonLines(Sink):
    """Writes and flushes one line per frame. See ``TextFile`` for what it writes to.

    A closed pipe (BrokenPipeError) ends the run, as a full disk does.
    """

    name = "jsonl"
    lossless = True
    on_error: OnError = "fatal"

    def __init__(self, target: str, context: Context) -> None:
        """Open the target. Raises FileError when it cannot be written."""
        self._file = TextFile(target)

    def emit(self, event: Event) -> None:
        """See Sink."""
        self._file.write(json.dumps(event.result.as_json(), ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        """See Sink."""
        self._file.close()
