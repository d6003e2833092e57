"""How often things happened lately: counts of the last seconds, in one bucket a second."""

from collections import Counter, deque

WINDOW = 10
"""Seconds that a rate looks back, the one that has just begun included."""


class RecentCounts:
    """Counts events by name for the last WINDOW seconds. It is not thread-safe: ``edge.stats`` locks around it."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, Counter[str]]] = deque()

    def add(self, now: float, name: str, count: int = 1) -> None:
        """Count ``count`` events.

        Args:
            now: seconds of a clock that never goes back.
            name: of the events.
            count: how many there were.
        """
        if not self._buckets or self._buckets[-1][0] < int(now):
            self._buckets.append((int(now), Counter()))
            self._forget(now)
        self._buckets[-1][1][name] += count

    def rates(self, now: float, since: float) -> Counter[str]:
        """Return events per second, by name; names that did not occur are missing, which a Counter reads as 0.

        Args:
            now: seconds of the clock that ``add`` was given.
            since: when counting began, for a rate within the first WINDOW seconds.
        """
        self._forget(now)
        total: Counter[str] = Counter()
        for _, counts in self._buckets:
            total.update(counts)
        seconds = now - max(since, int(now) - WINDOW + 1)
        return Counter({name: count / seconds for name, count in total.items()}) if seconds > 0 else Counter()

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] <= int(now) - WINDOW:
            self._buckets.popleft()
