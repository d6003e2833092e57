"""The assignment of detections to tracks: overlaps of boxes, and the pairs with the least total cost."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingExtra

Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]


def check_installed() -> None:
    """Raise MissingExtra when the package of the assignment is not installed."""
    if importlib.util.find_spec("lap") is None:
        raise MissingExtra("a tracker needs lapx, not installed here: pip install 'edgekit[track]'")


def overlaps(first: Doubles, second: Doubles) -> Doubles:
    """Return the intersection over union (n, m) of boxes (n, 4) and (m, 4), x0, y0, x1, y1 in pixels."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    total = areas[0][:, None] + areas[1][None, :] - common
    return np.asarray(common / np.maximum(total, 1e-12))


def assign(similarity: Doubles, least: float) -> tuple[Indices, Indices]:
    """Return the pairs with the largest total similarity, each row and each column at most once.

    R. Jonker and A. Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment Problems",
    Computing 38, 1987.

    Args:
        similarity: (rows, columns), from 0 to 1.
        least: the least similarity of a pair.

    Returns:
        The rows and the columns of the pairs, both (pairs,).
    """
    if not similarity.size or similarity.max() < least:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    import lap  # only a run with a tracker needs it

    cost = np.ascontiguousarray(1 - similarity)
    _, columns, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1 - least + 1e-9)
    rows = np.flatnonzero(columns >= 0)
    return rows, np.asarray(columns[rows], np.intp)
