"""Which anchor answers for which true box (SSD, https://arxiv.org/abs/1512.02325, section 2.2, matching strategy)."""

import numpy as np
from numpy.typing import NDArray

from edge.decoders.anchors import Boxes, corners, encode
from edge.decoders.select import overlaps

LEAST_OVERLAP = 0.5
NEARNESS = 1e-6
"""Weight of the distance beside the overlap: it decides only where overlaps are equal, as for boxes that none meets."""


def match(truths: Boxes, anchors: Boxes, least: float = LEAST_OVERLAP) -> NDArray[np.int64]:
    """Return (n,) for n anchors: the row of the true box that each answers for, -1 for background.

    truths: (m, 4) boxes. anchors: (n, 4), n >= m. Every truth first gets the anchor that overlaps it most, the pairs
    with the largest overlap first so that no two truths share one; then every other anchor takes the truth it
    overlaps most, if by ``least`` or more.
    """
    if not len(truths):
        return np.full(len(anchors), -1, np.int64)
    overlap = overlaps(truths, corners(anchors))
    assigned = np.where(overlap.max(axis=0) >= least, overlap.argmax(axis=0), -1)
    rank = overlap - NEARNESS * _distances(truths, anchors)
    for _ in range(len(truths)):
        truth, anchor = np.unravel_index(rank.argmax(), rank.shape)
        assigned[anchor] = truth
        rank[truth], rank[:, anchor] = -np.inf, -np.inf
    return assigned


def targets(
    truths: Boxes, classes: NDArray[np.int64], anchors: Boxes, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what the network is fitted to for one image: (n, 5) offsets with a mask, (n, count + 1) classes.

    classes: (m,) of the truths, 0 to count - 1. Offsets are 0 and the mask (the last column) is 0 for background,
    which is class 0 of the one-hot rows; class c is at c + 1.
    """
    assigned = match(truths, anchors)
    hit = assigned >= 0
    offsets = np.zeros((len(anchors), 5), np.float32)
    offsets[hit, :4] = encode(truths[assigned[hit]], anchors[hit])
    offsets[hit, 4] = 1
    one_hot = np.zeros((len(anchors), count + 1), np.float32)
    one_hot[np.flatnonzero(hit), classes[assigned[hit]] + 1] = 1
    one_hot[~hit, 0] = 1
    return offsets, one_hot


def _distances(truths: Boxes, anchors: Boxes) -> NDArray[np.float32]:
    """Return (m, n) squared distances of the centres."""
    y, x = (truths[:, :2] + truths[:, 2:]).T / 2
    return np.asarray((y[:, None] - anchors[None, :, 0]) ** 2 + (x[:, None] - anchors[None, :, 1]) ** 2, np.float32)
