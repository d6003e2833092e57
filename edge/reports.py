"""Running parts report errors and recoveries in single lines, by default on stderr."""

import sys
from collections.abc import Callable
from contextlib import suppress

Report = Callable[[str], None]
"""A function that takes one line of text, without a line end."""


def to_stderr(line: str) -> None:
    """Print a line on the present ``sys.stderr``. Tests and services may replace it at any time.

    The line is lost when stderr is closed or its disk is full, because a report must not cause another error.
    """
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr)
