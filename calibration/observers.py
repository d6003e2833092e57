"""Observers: what a tensor's int8 range should be, from the values that it held on the calibration samples.

A wide range makes the int8 step coarse, a narrow one clips values. On average, rounding to a step s has the squared
error s^2 / 12 (Bennett 1948, for steps that are small beside the spread of the values). Exact zeros, which are half of
what leaves a ReLU, have no rounding error at all.
"""

import math

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NEGLIGIBLE = 1e-30
"""Magnitudes below this count as zero: a tensor that holds nothing else has no range to choose."""
BINS = 4096
"""Bins of the histogram over both signs, which are at least four for each int8 step of the observed range."""
BINS_PER_BOUND = 4
"""Bins from one candidate bound to the next."""
REFINEMENT = 0.618
"""How far a bound may move from the candidate, as a share of the way to the next one.

Further away other values would be clipped, and the error would be a different function. It is not a simple fraction
because bounds with simple ratios make ties, see ``HistogramObserver.range``.
"""
STEPS = 255


class MinMaxObserver:
    """It keeps the smallest and the largest value, and gives them as the range.

    Attributes:
        minimum: the smallest value so far.
        maximum: the largest value so far.
    """

    def __init__(self) -> None:
        self.minimum, self.maximum = math.inf, -math.inf

    def observe(self, values: Floats) -> None:
        """Take in the values of one sample.

        Raises:
            InputError: when a value is not finite.
        """
        minimum, maximum = float(values.min()), float(values.max())
        if not (math.isfinite(minimum) and math.isfinite(maximum)):
            raise InputError("a network whose values are to be int8 must keep them finite, got one that is not")
        self.minimum, self.maximum = min(self.minimum, minimum), max(self.maximum, maximum)

    def range(self) -> tuple[float, float]:
        """Return the smallest and the largest value that the tensor should represent."""
        return self.minimum, self.maximum


class HistogramObserver(MinMaxObserver):
    """It counts values in a histogram, and gives the range with the least mean squared error.

    The histogram reaches from -reach to reach. The reach is a power of two and doubles when a larger value comes, so
    that the counts do not depend on the order in which the values came.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reach = 0.0
        self._counts = np.zeros(BINS, np.int64)
        self._nonzero = 0

    def observe(self, values: Floats) -> None:
        """Take in the values of one sample, see ``MinMaxObserver``."""
        super().observe(values)
        self._grow(max(-self.minimum, self.maximum))
        if self._reach:
            # The factor is a power of two, so the product is exact, and it halves when the bins double.
            # Whole numbers below 2^24 are exact in float32, and without copies it takes a quarter of the time.
            bins = values.ravel() * np.float32(BINS / 2 / self._reach)
            np.floor(bins, out=bins)
            bins += BINS // 2
            np.minimum(bins, BINS - 1, out=bins)
            self._counts += np.bincount(bins.astype(np.intp), minlength=BINS)
        self._nonzero += int(np.count_nonzero(values))

    def _grow(self, peak: float) -> None:
        """Double the reach, and so the width of the bins, until ``peak`` lies inside."""
        if peak < NEGLIGIBLE:
            return
        wanted = 2.0 ** math.ceil(math.log2(peak))
        self._reach = self._reach or wanted
        while self._reach < wanted:
            middle = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.pad(middle, BINS // 4)
            self._reach *= 2

    def range(self) -> tuple[float, float]:
        """Return the range in which 256 steps have the least squared error; it is never wider than what was seen.

        The search has two parts. First every pair of candidate bounds is tried on the histogram. Then the best pair is
        moved to where the derivative of the error is zero, which is exact as long as the same values are clipped.
        """
        if not self._reach:
            return self.minimum, self.maximum
        half = BINS // 2
        centres = (np.arange(half) + 0.5) * self._reach / half
        bounds = np.arange(0, half + 1, BINS_PER_BOUND) * self._reach / half
        above, below = _Tail(centres, self._counts[half:]), _Tail(centres, self._counts[half - 1 :: -1])
        rounding = self._nonzero / 12 / STEPS**2
        errors = rounding * (bounds[:, None] + bounds) ** 2 + above.error(bounds)[:, None] + below.error(bounds)
        best = np.unravel_index(np.argmin(errors), errors.shape)
        top, bottom = self._refined(rounding, bounds, ((above, int(best[0])), (below, int(best[1]))))
        return max(self.minimum, -bottom), min(self.maximum, top)

    def _refined(
        self, rounding: float, bounds: Doubles, tails: "tuple[tuple[_Tail, int], tuple[_Tail, int]]"
    ) -> tuple[float, float]:
        """Return the top and bottom magnitudes near the best candidates at which the error's derivative is zero.

        With t, b the magnitudes of top and bottom, and N, S the count and the sum of the values that each clips, the
        derivatives are zero where rounding * (t + b) + N_t * t = S_t, and the same for b. If the scales of tensors had
        simple ratios, as those of the candidates have, sums of two tensors would often lie in the middle between two
        steps, where runtimes round differently.

        Args:
            rounding: the squared rounding error of all values, divided by the squared width of the range.
            bounds: the candidates.
            tails: for the top and for the bottom, the clipped values and the index of the best candidate.
        """
        rows = np.full((2, 2), rounding) + np.diag([tail.count[at] for tail, at in tails])
        right = np.array([tail.total[at] for tail, at in tails])
        for side, seen in enumerate((max(self.maximum, 0), max(-self.minimum, 0))):
            if not right[side]:  # nothing is clipped on this side: the bound is what was seen
                rows[side], right[side] = np.eye(2)[side], seen
        found = np.linalg.solve(rows, right)
        cell = REFINEMENT * bounds[1]
        for side, (_, at) in enumerate(tails):
            if rows[side, 1 - side]:
                found[side] = np.clip(found[side], max(bounds[at] - cell, 0), bounds[at] + cell)
        return float(found[0]), float(found[1])


class _Tail:
    """The values above each candidate bound: their count, their sum and the sum of their squares."""

    def __init__(self, values: Doubles, counts: NDArray[np.int64]) -> None:
        """Add up the tail from each bound on.

        Args:
            values: the centres of the bins, ascending from 0.
            counts: the values in each bin.
        """
        self.count, self.total, self.squares = (
            np.append(np.cumsum((counts * values**power)[::-1])[::-1], 0.0)[::BINS_PER_BOUND] for power in (0, 1, 2)
        )

    def error(self, bounds: Doubles) -> Doubles:
        """Return the summed squared error of clipping at each bound."""
        return np.asarray(self.squares - 2 * bounds * self.total + bounds**2 * self.count)
