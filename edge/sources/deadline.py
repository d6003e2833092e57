"""``Deadline`` limits several waits together."""

import time
from dataclasses import dataclass


@dataclass
class Deadline:
    """The moment at which a wait must end. None means no limit.

    Attributes:
        at: the moment, in seconds of ``time.monotonic``.
    """

    at: float | None

    def left(self) -> float | None:
        """Return the seconds that are left. Raises TimeoutError when there are none."""
        if self.at is None:
            return None
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
