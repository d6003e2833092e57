"""Where a running part says what it had to skip, drop or open again: one line each, by default on stderr."""

import sys
from collections.abc import Callable
from contextlib import suppress

Report = Callable[[str], None]
"""Takes one line, without its end."""


def to_stderr(line: str) -> None:
    """Print ``line`` on stderr, which is looked up now, as it may have been replaced.

    Where stderr is closed or its disk is full the line is lost: what it tells of must not become another fault.
    """
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr)
