"""One change at a time: a lock that the kernel releases when its holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edge.errors import InputError
from edge.slots.layout import App

LONGEST_S = 60.0


@contextmanager
def locked(app: App, longest_s: float = LONGEST_S) -> Iterator[None]:
    """Hold the application's lock while the body runs. Make its folders first.

    Raises:
        InputError: another deploy held it for all of ``longest_s`` seconds.
    """
    for folder in (app.slots, app.incoming, app.root / "trust"):
        folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(app.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait(descriptor, app, longest_s)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, app: App, longest_s: float) -> None:
    end = time.monotonic() + longest_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise InputError(
                    f"another deploy to {app.name} is under way since {longest_s:g} s or more; try again after it"
                ) from None
            time.sleep(0.05)
