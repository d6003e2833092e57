"""Keep native libraries' chatter off stderr, where a user looks for what went wrong."""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

_one_at_a_time = threading.RLock()


def info(line: bytes) -> bool:
    """Whether TFLite calls the line information."""
    return line.startswith(b"INFO: ")


def anything(line: bytes) -> bool:
    """Noise is all there is: for libraries whose errors are exceptions."""
    return True


@contextmanager
def quiet(noise: Callable[[bytes], bool]) -> Iterator[None]:
    """Hold back the lines that native code prints to stderr and ``noise`` is true of; the others still appear.

    Some native loggers cannot be reached from Python (https://github.com/google-ai-edge/LiteRT/issues/7420), so
    file descriptor 2 is caught until the body ends: for short bodies. EDGE_DEBUG=1 leaves it alone.
    """
    if os.environ.get("EDGE_DEBUG") == "1":
        yield
        return
    with _one_at_a_time, _scratch() as caught:
        kept = _redirect(caught.fileno())
        try:
            yield
        finally:
            if kept is not None:
                _restore(kept)
            caught.seek(0)
            _replay(caught.read(), noise)


def _scratch() -> IO[bytes]:
    """Return a file to catch the lines in: in memory where the system can, as a device's disk may be read-only."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("edge-stderr"), "w+b")
    return tempfile.TemporaryFile()


def _redirect(target: int) -> int | None:
    """Point descriptor 2 at ``target`` and return what it was; None when it is closed, as in some services."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        return None
    os.dup2(target, 2)
    return kept


def _restore(kept: int) -> None:
    os.dup2(kept, 2)
    os.close(kept)


def _replay(text: bytes, noise: Callable[[bytes], bool]) -> None:
    rest = b"".join(line for line in text.splitlines(keepends=True) if not noise(line))
    if rest:
        os.write(2, rest)
