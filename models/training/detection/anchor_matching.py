"""The matching of anchors to true boxes, and the targets that follow from it.

This is the matching strategy of SSD (Liu et al. 2016, https://arxiv.org/abs/1512.02325), section 2.2.
"""

import numpy as np
from numpy.typing import NDArray

from edge.decoders.anchors import Boxes, corners, encode
from edge.decoders.select import overlaps

IOU_THRESHOLD = 0.5
"""An anchor is matched to a box when their intersection over union (IoU) is at least this."""

DISTANCE_WEIGHT = 1e-6
"""The weight of the squared distance of centres. It is so small that it only decides between equal IoUs, such as 0."""


def match(truths: Boxes, anchors: Boxes, iou_threshold: float = IOU_THRESHOLD) -> NDArray[np.int64]:
    """Return the row of the true box that each anchor is matched to, (n,), or -1 for background.

    First, every true box gets the free anchor with the largest IoU. The pairs with the largest IoU come first, so that
    no two boxes share an anchor. Then every other anchor gets the box with which it has the largest IoU, if that is at
    least ``iou_threshold``.

    Args:
        truths: (m, 4) true boxes: ymin, xmin, ymax, xmax in fractions of the image.
        anchors: (n, 4) anchors with n >= m: centre y, centre x, height, width in fractions of the image.
        iou_threshold: smallest IoU of a match, from 0 to 1.
    """
    if not len(truths):
        return np.full(len(anchors), -1, np.int64)
    iou = overlaps(truths, corners(anchors))
    assigned = np.where(iou.max(axis=0) >= iou_threshold, iou.argmax(axis=0), -1)
    rank = iou - DISTANCE_WEIGHT * _squared_distances(truths, anchors)
    for _ in range(len(truths)):
        truth, anchor = np.unravel_index(rank.argmax(), rank.shape)
        assigned[anchor] = truth
        rank[truth], rank[:, anchor] = -np.inf, -np.inf
    return assigned


def targets(
    truths: Boxes, classes: NDArray[np.int64], anchors: Boxes, count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the targets of the network's two outputs for one image.

    Args:
        truths: (m, 4) true boxes; see ``match``.
        classes: (m,) class indices of the boxes, from 0 to count - 1.
        anchors: (n, 4) anchors; see ``match``.
        count: number of classes.

    Returns:
        The offsets, (n, 5) float32: four encoded offsets, and a mask in the last column that is 1 for matched anchors.
        All five are 0 for background. Then the classes, (n, count + 1) float32 one-hot: index 0 is background, and
        class c has index c + 1.
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


def _squared_distances(truths: Boxes, anchors: Boxes) -> NDArray[np.float32]:
    """Return the squared distances of the centres, (m, n)."""
    y, x = (truths[:, :2] + truths[:, 2:]).T / 2
    return np.asarray((y[:, None] - anchors[None, :, 0]) ** 2 + (x[:, None] - anchors[None, :, 1]) ** 2, np.float32)
