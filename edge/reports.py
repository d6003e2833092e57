"""Running parts report errors and recoveries in single lines, by default on stderr."""

import sys
from collections.abc import Callable
from contextlib import suppress

from edge.labels import printable

Report = Callable[[str], None]
"""A function that takes one line of text, without a line end."""


def to_stderr(line: str) -> None:
    """Print a line on the present ``sys.stderr``. Tests and services may replace it at any time.

    Control characters become escapes, because a line may quote a server or a program, which must not command the
    terminal.

    The line is lost when stderr is closed or its disk is full, because a report must not cause another error.
    """
    with suppress(OSError, ValueError):
        print(printable(line), file=sys.stderr)
