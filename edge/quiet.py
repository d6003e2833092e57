"""``quiet`` hides messages of native libraries on stderr, so that the user sees only real errors there."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import IO

_one_at_a_time = threading.RLock()
_saved: list[int] = []  # a copy of descriptor 2 from before each body that is running; the first is the real stderr

# A line on stdin says that the body has ended; an end of stdin without a line says that the process has died. TERM is
# ignored because a service manager sends it to whatever is left of a dead service.
_LAST_WORDS = 'trap "" TERM; read -r ended || cat "/dev/fd/$0"'


def info(line: bytes) -> bool:
    """Return whether TFLite marks a line as information, or cpuinfo could not name the processor."""
    return line.startswith(b"INFO: ") or about_the_processor(line)


def about_the_processor(line: bytes) -> bool:
    """Return whether a line only says that a runtime cannot find out which processor it runs on.

    The cpuinfo library in LiteRT and ONNX Runtime reads ``/sys``, which containers and sandboxed services may not have.
    The runtime then computes with its portable kernels.
    """
    return line.startswith(
        (b"Error in cpuinfo: ", b"onnxruntime cpuid_info warning: ", b"onnxruntime warning: cpuinfo")
    )


def anything(line: bytes) -> bool:
    """Return True for every line. It is for libraries that report errors as exceptions."""
    return True


@contextmanager
def quiet(noise: Callable[[bytes], bool], last_words: bool = False) -> Iterator[None]:
    """Hide noise that native code prints to stderr during the body. Other lines still appear.

    Some native loggers cannot be reached from Python (https://github.com/google-ai-edge/LiteRT/issues/7420). Therefore
    file descriptor 2 is redirected during the body, which should be short. With EDGE_DEBUG=1 nothing is hidden.

    Args:
        noise: takes a line with its line end, and returns whether to hide it.
        last_words: whether all lines appear when the process dies during the body. Converters abort the process after
            a failed check, whose reason is in these lines. This costs a shell process. Interpreters raise exceptions
            and do not need it.
    """
    if os.environ.get("EDGE_DEBUG") == "1":
        yield
        return
    with _one_at_a_time, _scratch_file() as caught:
        try:
            with _redirected(caught, last_words):
                yield
        finally:
            caught.seek(0)
            _print_all_but(noise, caught.read())


def _scratch_file() -> IO[bytes]:
    """Return a temporary file, in memory if possible, because the disk of a device may be read-only."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("edge-stderr"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


@contextmanager
def _redirected(caught: IO[bytes], last_words: bool) -> Iterator[None]:
    """Redirect descriptor 2 to ``caught`` during the body. Nothing happens when it is closed, as in some services."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        _saved.append(os.dup(2))
    except OSError:
        yield
        return
    try:
        with _watched(caught, _saved[0]) if last_words else nullcontext():
            os.dup2(caught.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(_saved[-1], 2)
    finally:
        os.close(_saved.pop())


@contextmanager
def _watched(caught: IO[bytes], stderr: int) -> Iterator[None]:
    """Let another process copy ``caught`` to ``stderr`` if this process dies during the body.

    A thread of this process could not do it: it ends at abort(). Native code that fills a pipe while it holds the
    interpreter's lock would also wait for such a thread forever.
    """
    import subprocess

    try:
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", _LAST_WORDS, str(caught.fileno())],
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=subprocess.DEVNULL,
            pass_fds=(caught.fileno(),),
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError:  # there is no shell, or no room for a process: lines are held back all the same
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            watcher.communicate(b"ended\n")


def _print_all_but(noise: Callable[[bytes], bool], text: bytes) -> None:
    rest = b"".join(line for line in text.splitlines(keepends=True) if not noise(line))
    if rest:
        os.write(2, rest)
