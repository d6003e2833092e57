"""Where the ranges of quantization-aware training start: from what the float network computes on some batches."""

from typing import Any

import numpy as np

INSIDE = 99.99
"""Percentile of a batch's values that a range reaches to; what lies beyond is clipped."""


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
