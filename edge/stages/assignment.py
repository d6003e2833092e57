"""The assignment of detections to tracks: overlaps of boxes, and the pairs with the least total cost."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingExtra

Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]


LARGEST_RATIO = 3.0
"""The largest ratio of the areas of two boxes that may be one object. The frame's border may clip one of them."""


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


def nearness(first: Doubles, second: Doubles, reach: float) -> Doubles:
    """Return how near the centres of boxes (n, 4) and (m, 4) are: 1 at the same place, 0 from ``reach`` on.

    It is 0, too, for boxes of which one has more than LARGEST_RATIO times the area of the other.

    Args:
        first: x0, y0, x1, y1 in pixels.
        second: the same.
        reach: a distance in sizes of the larger box; the size is the square root of its area.
    """
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (first, second)]
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1][None, :], axis=2)
    low, high = np.minimum(areas[0][:, None], areas[1][None, :]), np.maximum(areas[0][:, None], areas[1][None, :])
    near = 1 - distance / np.maximum(reach * np.sqrt(high), 1e-12)
    return np.asarray(np.where(low * LARGEST_RATIO >= high, np.clip(near, 0, None), 0.0))


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
