"""The range of a tensor's int8 values: what was seen from end to end, or less where that errs less.

A wider range rounds everything more coarsely, a narrower one clips what lies outside. A step s errs by s^2 / 12 in the
square, on average (Bennett 1948, for steps that are small beside what they divide); exact zeros, half of what leaves a
ReLU, do not err at all.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NOTHING = 1e-30
"""Smaller values count as zero: a tensor that holds nothing else has no range to choose."""
BINS = 4096
"""Of a histogram, over both signs: at least four to an int8 step of what was seen."""
COARSE = 4
"""Bins from one bound that is tried to the next."""
NEAR = 0.618
"""Of the way to the next bound: where other values clip the error is another. Not a simple fraction, see below."""
STEPS = 255
INSIDE = 99.99
"""Percentile of a batch's values that a range reaches to; what lies beyond is clipped."""


class Extremes:
    """The least and the largest value seen."""

    def __init__(self) -> None:
        self.least, self.largest = math.inf, -math.inf

    def add(self, values: Floats) -> None:
        """Take every value in. Raises InputError when one is not finite."""
        least, largest = float(values.min()), float(values.max())
        if not (math.isfinite(least) and math.isfinite(largest)):
            raise InputError("a network whose values are to be int8 must keep them finite, got one that is not")
        self.least, self.largest = min(self.least, least), max(self.largest, largest)

    def range(self) -> tuple[float, float]:
        """Return the range to give to the tensor."""
        return self.least, self.largest


class Histogram(Extremes):
    """Values counted between -reach and reach, which is a power of two and doubles as it must.

    So what was seen is counted alike in whatever order and arrangement it came.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reach = 0.0
        self._counts = np.zeros(BINS, np.int64)
        self._nonzero = 0

    def add(self, values: Floats) -> None:
        """See Extremes."""
        super().add(values)
        self._grow(max(-self.least, self.largest))
        if self._reach:
            # A power of two: the product is exact, and halves as the bins do.
            bins = np.floor(values.ravel() * np.float32(BINS / 2 / self._reach)).astype(np.int32) + BINS // 2
            self._counts += np.bincount(np.minimum(bins, BINS - 1), minlength=BINS)
        self._nonzero += int(np.count_nonzero(values))

    def _grow(self, peak: float) -> None:
        if peak < NOTHING:
            return
        wanted = 2.0 ** math.ceil(math.log2(peak))
        self._reach = self._reach or wanted
        while self._reach < wanted:
            middle = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.pad(middle, BINS // 4)
            self._reach *= 2

    def range(self) -> tuple[float, float]:
        """Return the range in which 256 steps err least in the square; never wider than what was seen."""
        if not self._reach:
            return self.least, self.largest
        half = BINS // 2
        centres = (np.arange(half) + 0.5) * self._reach / half
        bounds = np.arange(0, half + 1, COARSE) * self._reach / half
        above, below = _Tail(centres, self._counts[half:]), _Tail(centres, self._counts[half - 1 :: -1])
        rounding = self._nonzero / 12 / STEPS**2
        errors = rounding * (bounds[:, None] + bounds) ** 2 + above.error(bounds)[:, None] + below.error(bounds)
        at = np.unravel_index(np.argmin(errors), errors.shape)
        # Exact as long as the same values clip; on the bounds themselves scales would have simple ratios, and sums of
        # two lie in the middle between two steps often, where runtimes round differently.
        rows = np.full((2, 2), rounding) + np.diag([above.count[at[0]], below.count[at[1]]])
        right = np.array([above.total[at[0]], below.total[at[1]]])
        for side, seen in enumerate((max(self.largest, 0), max(-self.least, 0))):
            if not right[side]:
                rows[side], right[side] = np.eye(2)[side], seen
        found, near = np.linalg.solve(rows, right), bounds[np.array(at)]
        cell = NEAR * bounds[1]
        for side in range(2):
            if rows[side, 1 - side]:  # elsewhere nothing clips, and the solution is what was seen
                found[side] = np.clip(found[side], max(near[side] - cell, 0), near[side] + cell)
        top, bottom = found
        return max(self.least, -float(bottom)), min(self.largest, float(top))


class _Tail:
    """What lies above each bound: how many values, their sum, the sum of their squares; a bound every COARSE bins."""

    def __init__(self, values: Doubles, counts: NDArray[np.int64]) -> None:
        """values: ascending from 0, one a bin."""
        self.count, self.total, self.squares = (
            np.append(np.cumsum((counts * values**power)[::-1])[::-1], 0.0)[::COARSE] for power in (0, 1, 2)
        )

    def error(self, bounds: Doubles) -> Doubles:
        """Return the summed squared error of clipping at each bound."""
        return np.asarray(self.squares - 2 * bounds * self.total + bounds**2 * self.count)


def outermost(values: Any) -> tuple[float, float]:
    """Return the least and the largest value without the few that lie beyond INSIDE percent, for a range to train."""
    low, high = np.percentile(values, (100 - INSIDE, INSIDE))
    return float(low), float(high)


def around_zero(low: float, high: float) -> tuple[float, float]:
    """Return the least range of 255 steps that reaches from ``low`` to ``high`` and has zero on a step.

    low: at most 0. high: at least 0. Without it -1 to 1 becomes a grid that is shifted by half a step, and every byte
    of an image normalized to it lies in the middle between two values: each runtime rounds half of them its own way.
    """
    zero = round(-255 * low / (high - low))
    step = max(low / -zero if zero else 0.0, high / (255 - zero) if zero < 255 else 0.0)
    return -zero * step, (255 - zero) * step
