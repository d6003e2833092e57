"""Signals that end a loop or a conversion: Ctrl-C (SIGINT), SIGTERM, and SIGHUP, when a terminal goes away."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

JOIN_SECONDS = 5.0
"""The time that a call of ``stop`` may still take after the body has ended."""


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call ``stop`` once, in a thread of its own, at the first Ctrl-C, SIGTERM or SIGHUP while the body runs.

    SIGHUP is left alone where it is ignored, as ``nohup`` does.

    A second Ctrl-C raises KeyboardInterrupt. Yields the list of the signals that came so far.

    Python runs a signal's handler in the main thread, between two of its instructions. A handler that called ``stop``
    would wait for ever when the main thread, or another handler, holds a lock that ``stop`` needs. The handler here
    only notes the signal. Python also writes a byte into a pipe (``signal.set_wakeup_fd``), and the thread that reads
    this pipe calls ``stop``.

    Args:
        stop: ends the body; another thread may call it.
    """
    received: list[int] = []
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def note(number: int, _: Any) -> None:
        received.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def wait() -> None:
        if os.read(reader, 1):  # nothing when the body has ended and the pipe is closed
            stop()

    thread = threading.Thread(target=wait, name="signals", daemon=True)
    thread.start()
    other = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(other)
        os.close(writer)
        thread.join(JOIN_SECONDS)
        if not thread.is_alive():
            os.close(reader)


@contextmanager
def terminating() -> Iterator[None]:
    """Let SIGTERM end the body as Ctrl-C does, by KeyboardInterrupt, so that its private folders are removed.

    Only the main thread of a process may set a handler; in another one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
