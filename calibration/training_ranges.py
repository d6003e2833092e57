"""The initial ranges of quantization-aware training, from what the float network computes on some batches."""

from typing import Any

import numpy as np

INSIDE = 99.99
"""The percentile of a batch's values up to which a range reaches. Values beyond it are clipped."""


def outermost(values: Any) -> tuple[float, float]:
    """Return the smallest and the largest value, without the few that lie outside of the INSIDE percentile."""
    low, high = np.percentile(values, (100 - INSIDE, INSIDE))
    return float(low), float(high)


def around_zero(low: float, high: float) -> tuple[float, float]:
    """Return the smallest range of 255 steps that contains ``low`` and ``high`` and has zero on a step.

    Without this, a range from -1 to 1 would be a grid that is shifted by half a step. Every byte of an image that is
    normalized to -1 to 1 would lie in the middle between two values, and runtimes round such values differently.

    Args:
        low: at most 0.
        high: at least 0.
    """
    zero = round(-255 * low / (high - low))
    step = max(low / -zero if zero else 0.0, high / (255 - zero) if zero < 255 else 0.0)
    return -zero * step, (255 - zero) * step
