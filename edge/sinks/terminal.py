"""The terminal sink prints results as text."""

import os
import stat
import sys
import time
from collections.abc import Callable
from typing import TextIO

from edge import tasks
from edge.errors import InputError
from edge.labels import printable
from edge.results import Place, Result
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.target import naming

TTY_INTERVAL, PLAIN_INTERVAL = 0.1, 1.0
"""The least seconds between two lines of the same source: on a terminal, where one line is rewritten, and elsewhere."""


class Terminal(Sink):
    """Rewrites one line on a terminal, and prints lines below each other into a file or pipe.

    It prints at most one line per interval, but always the first line of each source, such as an image of a folder, and
    the last line of the run, which is the answer for a clip. An error of a terminal or file does not end the run. A
    pipe that was closed by its reader does, as in every command.
    """

    name = "terminal"
    lossless = False
    on_error: OnError

    def __init__(
        self, target: str, context: Context, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open the sink.

        Args:
            target: ``stdout`` or ``stderr``. An empty text means stdout.
            context: not used; all sinks are opened with one.
            stream: the stream to write to, in tests.
            clock: returns monotonic time in seconds; tests pass their own.

        Raises:
            InputError: ``target`` is another text.
        """
        if target not in ("", "stdout", "stderr"):
            raise InputError(f"the terminal sink writes to stdout or stderr, got {target!r}")
        self._stream = stream or (sys.stderr if target == "stderr" else sys.stdout)
        self._tty = self._stream.isatty()
        self.on_error = "fatal" if _is_pipe(self._stream) else "retry"
        self._interval = TTY_INTERVAL if self._tty else PLAIN_INTERVAL
        self._clock = clock
        self._source: str | None = None
        self._shown_at = 0.0
        self._waiting: Result | None = None

    def emit(self, event: Event) -> None:
        """Print the line of a result, or keep it when the last line was printed too recently. See ``Sink``."""
        frame, result = event.frame, event.result
        now, new = self._clock(), frame.source != self._source
        if not new and now - self._shown_at < self._interval:
            self._waiting = result
            return
        self._waiting = None
        with naming("the terminal"):
            self._show(line(result), new)
        self._source, self._shown_at = frame.source, now

    def close(self) -> None:
        """Print the last result if its line is not printed yet, and end the line that is rewritten."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with naming("the terminal"):
                self._show(line(waiting), False)
        if self._tty and self._source is not None:
            self._stream.write("\n")
            self._stream.flush()
        self._source = None

    def _show(self, text: str, new: bool) -> None:
        text = printable(text)
        if self._tty:
            import shutil  # only a terminal needs it, and its imports take 3 ms

            width = shutil.get_terminal_size().columns - 1
            start = "\n" if new and self._source is not None else "\r"
            self._stream.write(f"{start}{text[:width].ljust(width)}")
        else:
            self._stream.write(f"{text}\n")
        self._stream.flush()


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # a stream without a file, or a closed one
        return False


def line(result: Result) -> str:
    """Return the line for a result: ``clip.avi #17  star 98% | ring 1%  age 12 ms  infer 3.1 ms  dropped 2``.

    Lines and zones come with their counters: ``gate 3 in 1 out``.
    """
    found = result.fault or tasks.load(result.task).line(result)
    timing = f"age {result.age_ms:.0f} ms  infer {result.infer_ms:.1f} ms"
    counts = {"dropped": result.dropped, "skipped": result.skipped}
    missed = "".join(f"  {name} {count}" for name, count in counts.items() if count)
    places = "".join(f"  {_counted(place)}" for place in result.places)
    return f"{result.source} #{result.frame}  {found}{places}  {timing}{missed}"


def _counted(place: Place) -> str:
    """Return the name of a line or zone with its counters that are not 0, and what is in a zone at present."""
    counts = " ".join(f"{count} {name}" for name, count in place.counts.items() if count or name == "now")
    return f"{place.name} {counts or 'nobody yet'}"
