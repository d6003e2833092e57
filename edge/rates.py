"""``RecentCounts`` counts events of the last seconds, with one bucket per second."""

from collections import Counter, deque

WINDOW = 10
"""Number of seconds over which a rate is computed, including the present one."""


class RecentCounts:
    """Counts events by name for the last WINDOW seconds. It is not thread-safe: ``edge.stats`` locks around it."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, Counter[str]]] = deque()

    def add(self, now: float, name: str, count: int = 1) -> None:
        """Count ``count`` events.

        Args:
            now: the time in seconds of a monotonic clock.
            name: the name of the events.
            count: the number of events.
        """
        if not self._buckets or self._buckets[-1][0] < int(now):
            self._buckets.append((int(now), Counter()))
            self._forget(now)
        self._buckets[-1][1][name] += count

    def rates(self, now: float, since: float) -> Counter[str]:
        """Return events per second by name. A Counter returns 0 for names without events.

        Args:
            now: the time in seconds of the same clock.
            since: the time at which counting began, for rates during the first WINDOW seconds.
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
