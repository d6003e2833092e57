"""``Host`` is what sinks that watch a fleet tell of the machine: its temperature, and whether it is slowed down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge import thermal

FRESH_SECONDS = 5.0
"""How long a reading is used."""


@dataclass(frozen=True)
class HostState:
    """The state of the machine.

    Attributes:
        degrees: the highest temperature in degrees Celsius. None when the kernel shows none.
        throttled: whether the processor is slowed down now, or its voltage is too low. None when that is not known.
    """

    degrees: float | None = None
    throttled: bool | None = None


class Host:
    """Reads the state of the machine, at most every FRESH_SECONDS."""

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = time.monotonic) -> None:
        """Take a machine.

        Args:
            root: ``/``, or a folder with copies of a machine's files.
            clock: returns monotonic time in seconds.
        """
        self._root, self._clock = root, clock
        self._read: tuple[float, HostState] | None = None

    def state(self) -> HostState:
        """Return the present state."""
        now = self._clock()
        if self._read is None or now - self._read[0] >= FRESH_SECONDS:
            found = thermal.read(self._root)
            self._read = (now, HostState(found.celsius, found.throttled))
        return self._read[1]
