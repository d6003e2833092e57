"""Which images to calibrate on: as many of each class, drawn by a seed, so that the ids name the choice."""

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError


def choose(classes: NDArray[np.int64], count: int, seed: int = 0) -> NDArray[np.int64]:
    """Return ``count`` row numbers, sorted, spread over the classes as evenly as they allow; all when fewer.

    classes: (n,) label indices; images without labels have one class.
    """
    if count < 1:
        raise InputError(f"the number of calibration samples must be at least 1, got {count}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(classes))
    # Each image's rank within its class: taking ranks in order takes one of every class per round.
    rank = np.empty(len(classes), np.int64)
    for label in np.unique(classes):
        members = order[classes[order] == label]
        rank[members] = np.arange(len(members))
    position = np.argsort(order)
    return np.sort(np.lexsort((position, rank))[:count])
