"""A clock that jumps to the next deadline as soon as every thread that takes part waits, so that hours take seconds."""

import itertools
import threading

from edge.sources import faulty
from edge.sources.supervised import Clock


class SimulatedTime:
    """The time in seconds of the threads that call ``take_part`` and of the readers of the source named ``source``."""

    _numbers = itertools.count()

    def __init__(self, now: float = 1000.0):
        self.now = now
        self.source = f"cam {next(self._numbers)}"  # readers of another test may still wait
        self._readers, self._parties = f"read {self.source}", set()
        self._lock = threading.Condition()
        self._waiting = {}  # deadline and what is waited for, by the thread

    def take_part(self):
        self._parties.add(threading.get_ident())

    def sleep(self, seconds):
        self.wait_for(lambda: False, seconds)

    def wait_for(self, ready, timeout=None):
        """Return whether ``ready`` came true before ``timeout`` seconds had passed."""
        me = threading.get_ident()
        with self._lock:
            deadline = float("inf") if timeout is None else self.now + timeout
            while not ready() and self.now < deadline:
                self._waiting[me] = (deadline, ready)
                if not self._advance():
                    self._lock.wait(0.001)  # a thread that ends tells nobody
            self._waiting.pop(me, None)
            return ready()

    def _advance(self):
        """Go to the next deadline and return True, unless a thread still runs or may go on."""
        parties = self._parties | {one.ident for one in threading.enumerate() if one.name == self._readers}
        if not parties <= self._waiting.keys():
            return False
        waits = [self._waiting[one] for one in parties]
        later = min(deadline for deadline, _ in waits)
        if not self.now < later < float("inf") or any(ready() for _, ready in waits):
            return False
        self.now = later
        self._lock.notify_all()
        return True

    def camera_clock(self):
        return faulty.Clock(lambda: self.now, self.sleep, self.wall_ns)

    def wall_ns(self):
        return 1_700_000_000_000_000_000 + round(self.now * 1e9)

    def source_clock(self, wall_ns=None):
        """wall_ns: the time of day, with its jumps."""
        return Clock(lambda: round(self.now * 1e9), wall_ns or self.wall_ns, lambda: _Condition(self))


class _Condition:
    """A condition whose waits take simulated time."""

    def __init__(self, time):
        self._time, self.notify_all = time, time._lock.notify_all
        self.wait_for = time.wait_for

    def __enter__(self):
        self._time._lock.acquire()
        return self

    def __exit__(self, *_):
        self._time._lock.release()
