"""``Backoff`` states how long to wait after an error before the next attempt."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off: the wait doubles with each failure in a row.

    Attributes:
        first: the wait after the first failure, in seconds.
        longest: the longest wait, in seconds.
    """

    first: float = 0.5
    longest: float = 30.0

    def delay(self, failures: int) -> float:
        """Return how many seconds to wait after ``failures`` failures in a row, counted from 1."""
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 30)))


DEFAULT = Backoff()
