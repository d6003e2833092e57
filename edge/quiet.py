"""Keep native libraries' chatter off stderr, where a user looks for what went wrong."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

_one_at_a_time = threading.RLock()
_kept: list[int] = []  # what descriptor 2 was before each body that is open; the first is the real stderr

# A line says that the body ended; an end without one, that the process died. A service manager's SIGTERM to
# whatever is left of the process must not come before the last words.
_LAST_WORDS = 'trap "" TERM; read -r ended || cat "/dev/fd/$0"'


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
    file descriptor 2 is caught until the body ends: for short bodies. When the process dies inside the body, as
    native code ends it after a failed check, everything caught appears: that is where the reason stands.
    EDGE_DEBUG=1 leaves stderr alone.
    """
    if os.environ.get("EDGE_DEBUG") == "1":
        yield
        return
    with _one_at_a_time, _scratch() as caught:
        try:
            with _redirected(caught):
                yield
        finally:
            caught.seek(0)
            _replay(caught.read(), noise)


def _scratch() -> IO[bytes]:
    """Return a file to catch the lines in: in memory where the system can, as a device's disk may be read-only."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("edge-stderr"), "w+b")
    return tempfile.TemporaryFile()


@contextmanager
def _redirected(caught: IO[bytes]) -> Iterator[None]:
    """Point descriptor 2 at ``caught`` during the body; nothing when it is closed, as in some services."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        _kept.append(os.dup(2))
    except OSError:
        yield
        return
    try:
        with _watched(caught, _kept[0]):
            os.dup2(caught.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(_kept[-1], 2)
    finally:
        os.close(_kept.pop())


@contextmanager
def _watched(caught: IO[bytes], stderr: int) -> Iterator[None]:
    """Have another process copy ``caught`` to ``stderr`` if this one dies during the body.

    Nothing in a process survives its abort(): a thread that forwards lines is ended before it has read them, and
    native code that holds the interpreter's lock and fills a pipe would wait for that thread for ever.
    """
    try:
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", _LAST_WORDS, str(caught.fileno())],
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=subprocess.DEVNULL,
            pass_fds=(caught.fileno(),),
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError:  # no shell, or no more processes: as quiet as before, without last words
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            watcher.communicate(b"ended\n")


def _replay(text: bytes, noise: Callable[[bytes], bool]) -> None:
    rest = b"".join(line for line in text.splitlines(keepends=True) if not noise(line))
    if rest:
        os.write(2, rest)
