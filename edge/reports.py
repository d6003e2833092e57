"""Where a running part says what it had to skip, drop or open again: one line each, by default on stderr."""

import sys
from collections.abc import Callable

Report = Callable[[str], None]
"""Takes one line, without its end."""


def to_stderr(line: str) -> None:
    """Print ``line``; stderr is looked up now, as it may have been replaced."""
    print(line, file=sys.stderr)
