"""Which samples to calibrate on: equally many of each class, chosen by a seed."""

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError


def choose_samples(classes: NDArray[np.int64], count: int, seed: int = 0) -> NDArray[np.int64]:
    """Return ``count`` row numbers, sorted, spread over the classes as evenly as possible.

    Args:
        classes: (n,) the class of each sample; the same number for all when they have no labels.
        count: how many samples to choose. All are returned when there are fewer.
        seed: the same seed always chooses the same samples.

    Raises:
        InputError: when ``count`` is below 1.
    """
    if count < 1:
        raise InputError(f"the number of calibration samples must be at least 1, got {count}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    # The rank of each sample within its class. Taking the samples by rank takes one of every class in each round.
    rank = np.empty(len(classes), np.int64)
    for label in np.unique(classes):
        members = order[classes[order] == label]
        rank[members] = np.arange(len(members))
    position = np.argsort(order)
    return np.sort(np.lexsort((position, rank))[:count])
