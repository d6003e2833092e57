"""The random choice of training samples that are set apart for validation."""

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Rows = NDArray[np.int64]


def hold_out_rows(count: int, fraction: float, seed: int, sample: str = "image") -> tuple[Rows, Rows]:
    """Choose at random which samples are set apart. Both parts have at least one sample.

    Args:
        count: number of samples.
        fraction: share of the samples that is set apart, from 0 to 1.
        seed: seed of the choice.
        sample: what one sample is called in the error message.

    Returns:
        The rows that are kept and the rows that are set apart, both (n,) int64 and sorted.

    Raises:
        InputError: there is only one sample.
    """
    if count < 2:
        raise InputError(f"holding {sample}s out needs at least 2 training {sample}s, got {count}")
    order = np.random.default_rng(seed).permutation(count)
    apart = min(count - 1, max(1, round(fraction * count)))
    return np.sort(order[apart:]), np.sort(order[:apart])
