"""``Pace`` limits how many frames the network gets: every n-th one, a highest rate, and a lower one while it is hot."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge import thermal
from edge.errors import InputError
from edge.frames import Frame
from edge.stages.clock import Clock, Elapsed, capture_time

EARLY = 0.1
"""The part of an interval by which a frame may come too early, as cameras are not exact. The mean rate stays."""

STEP_DOWN, STEP_UP = 0.75, 1.15
"""The factors of the rate at each look at the temperature: it falls faster than it recovers."""

SECONDS_PER_LOOK = 5.0
"""The time between two looks at the temperature. A heat sink takes longer to follow a change of the load."""


@dataclass(frozen=True)
class PaceOptions:
    """How many frames the network gets.

    Attributes:
        stride: every n-th frame of the source, 1 for all.
        max_rate: the largest number of frames per second, evenly spaced. 0 for no limit.
        soft_limit: the temperature in degrees Celsius from which on the rate falls step by step, also while the
            firmware slows the processor down. 0 ignores the temperature.
        hysteresis: the degrees below ``soft_limit`` at which the rate recovers.
        min_rate: the number of frames per second below which the temperature does not lower the rate.
    """

    stride: int = 1
    max_rate: float = 0.0
    soft_limit: float = 0.0
    hysteresis: float = 5.0
    min_rate: float = 1.0

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if self.stride < 1:
            raise InputError(f"stride must be 1 or more frames, got {self.stride}")
        if not 0 <= self.max_rate < math.inf:
            raise InputError(f"max_rate must be 0 or more frames per second, got {self.max_rate}")
        if not 0 <= self.soft_limit <= 150:
            raise InputError(f"soft_limit must be from 0 to 150 degrees Celsius, got {self.soft_limit}")
        if not 0 <= self.hysteresis <= 50:
            raise InputError(f"hysteresis must be from 0 to 50 degrees Celsius, got {self.hysteresis}")
        if not 0 < self.min_rate < math.inf:
            raise InputError(f"min_rate must be a number of frames per second above 0, got {self.min_rate}")


class Governor:
    """Chooses the part of the full rate that a machine can bear. All sources of a loop share one.

    Attributes:
        factor: the part, from above 0 to 1.
    """

    def __init__(
        self,
        options: PaceOptions,
        read: Callable[[], thermal.Reading] = thermal.read,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the full rate.

        Args:
            options: the temperatures.
            read: reads the temperature and the throttling.
            now: the seconds of any clock.
        """
        self._options, self._read, self._now = options, read, now
        self._looked = -math.inf
        self.factor = 1.0

    def look(self, least: float) -> float:
        """Return the factor, which changes by one step at a time.

        Args:
            least: the smallest factor, from above 0 to 1.
        """
        now = self._now()
        if self._options.soft_limit > 0 and now - self._looked >= SECONDS_PER_LOOK:
            self._looked = now
            self._step(self._read(), least)
        return max(self.factor, least)

    def _step(self, reading: thermal.Reading, least: float) -> None:
        limit, degrees = self._options.soft_limit, reading.celsius
        if reading.slowed or (degrees is not None and degrees >= limit):
            self.factor = max(self.factor * STEP_DOWN, least)
        elif degrees is None or degrees < limit - self._options.hysteresis:
            self.factor = min(1.0, self.factor * STEP_UP)


class Pace:
    """The gate of one source."""

    def __init__(self, options: PaceOptions, governor: Governor | None = None, clock: Clock = capture_time) -> None:
        """Start; the first frame is passed.

        Args:
            options: how many frames the network gets.
            governor: lowers the rate while the machine is hot. None makes one.
            clock: the time of frames.
        """
        self._options, self._governor = options, governor or Governor(options)
        self._elapsed = Elapsed(clock)
        self._due = -math.inf  # when the next frame is passed
        self._index: int | None = None  # of the last frame that the stride let through
        self._interval = 0.0  # between frames that the stride lets through, in seconds
        self._strode = 0.0

    def __call__(self, frame: Frame) -> bool:
        """Return whether the network gets the frame."""
        self._elapsed(frame)
        if not self._strides(frame.index):
            return False
        now = self._elapsed.now
        self._learn(now - self._strode)
        self._strode = now
        rate = self._rate()
        if rate <= 0:
            return True
        interval = 1 / rate
        if now < self._due - EARLY * interval:
            return False
        # A frame that comes a little late does not delay the next one, so that the mean rate is kept.
        self._due = self._due + interval if now - self._due < interval else now + interval
        return True

    def _strides(self, index: int) -> bool:
        last = self._index
        if last is not None and 0 < index - last < self._options.stride:
            return False
        self._index = index
        return True

    def _learn(self, passed: float) -> None:
        """Estimate the source's interval, of which the governor takes a part when there is no highest rate."""
        if 0 < passed < 5:
            self._interval = passed if not self._interval else 0.9 * self._interval + 0.1 * passed

    def _rate(self) -> float:
        """Return the frames per second at present, 0 for all."""
        of_source = 1 / self._interval if self._interval else 0.0
        full = min(self._options.max_rate or math.inf, of_source or math.inf)
        least = min(1.0, self._options.min_rate / full) if 0 < full < math.inf else 1.0
        factor = self._governor.look(least)
        if factor >= 1:
            return self._options.max_rate
        return full * factor
