"""A single-shot detector's raw outputs into boxes: decoding, score threshold, non-maximum suppression a class.

Pure numpy. An anchor is a row [centre y, centre x, height, width], a box a row [ymin, xmin, ymax, xmax], both in
fractions of the image (SSD, Liu et al. 2016, https://arxiv.org/abs/1512.02325, sections 2.2 and 3.5).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Boxes = NDArray[np.float32]

VARIANCES = (0.1, 0.1, 0.2, 0.2)
"""What training divided the offsets by: of centre y, centre x, height, width."""

LARGEST = float(np.log(1000.0))
"""A decoded side is at most this power of e of its anchor's: a broken output does not overflow."""

BEFORE = 400
"""Boxes of a class that suppression looks at, the best ones: its time grows with their square."""


@dataclass(frozen=True)
class Detections:
    """Best first. boxes: (n, 4), clipped to the image. scores: (n,), 0 to 1. classes: (n,) from 0, no background."""

    boxes: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


def detections(
    offsets: Boxes,
    scores: NDArray[np.float32],
    anchors: Boxes,
    least_score: float = 0.3,
    overlap: float = 0.45,
    most: int = 100,
) -> Detections:
    """Return the boxes of one image.

    offsets: (n, 4) and scores: (n, classes + 1), background first, real values as ``edge.tensors.dequantize`` gives
    them. anchors: (n, 4). least_score: what a box needs. overlap: a box that overlaps a better one of its class by
    more than this, intersection over union, is dropped. most: boxes to return. Values that are no finite numbers
    and places outside the image make no box. Raises InputError when the three do not fit each other.
    """
    _check(offsets, scores, anchors)
    good = np.isfinite(offsets).all(axis=1) & (scores[:, 1:] >= least_score).any(axis=1)
    boxes, kept = np.clip(decode(offsets[good], anchors[good]), 0.0, 1.0), scores[good, 1:]
    seen = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    boxes, kept = boxes[seen], kept[seen]
    found = [_one_class(boxes, kept[:, number], number, least_score, overlap) for number in range(kept.shape[1])]
    rows, numbers = (np.concatenate(part) for part in zip(*found, strict=True))
    best = np.argsort(-kept[rows, numbers], kind="stable")[:most]
    rows, numbers = rows[best], numbers[best]
    return Detections(boxes[rows], kept[rows, numbers], numbers)


def _one_class(
    boxes: Boxes, scores: NDArray[np.float32], number: int, least_score: float, overlap: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of ``boxes`` that stay for class ``number``, and the number as often."""
    rows = np.flatnonzero(scores >= least_score)
    rows = rows[np.argsort(-scores[rows], kind="stable")[:BEFORE]]
    rows = rows[suppress(boxes[rows], scores[rows], overlap)]
    return rows, np.full(len(rows), number, np.int64)


def decode(offsets: Boxes, anchors: Boxes) -> Boxes:
    """Return (n, 4) boxes of (n, 4) finite offsets from their (n, 4) anchors.

    Centre = 0.1 * offset * side of the anchor + its centre; side = exp(0.2 * offset) * side of the anchor.
    """
    real = np.clip(offsets * np.asarray(VARIANCES, np.float32), -1e6, 1e6)
    centres = real[:, :2] * anchors[:, 2:] + anchors[:, :2]
    half = np.exp(np.minimum(real[:, 2:], LARGEST)) * anchors[:, 2:] / 2
    return np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)


def suppress(boxes: Boxes, scores: NDArray[np.float32], overlap: float) -> NDArray[np.int64]:
    """Return the rows that stay, best first: none overlaps a better one of them by more than ``overlap``.

    boxes: (n, 4). scores: (n,); of equal ones the earlier row is the better. Greedy, O(n * kept).
    """
    left = np.argsort(-scores, kind="stable")
    low, high = boxes[:, :2], boxes[:, 2:]
    areas = np.prod(high - low, axis=1)
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(high[best], high[left]) - np.maximum(low[best], low[left])
        common = np.prod(np.maximum(sides, 0), axis=1)
        left = left[common <= overlap * (areas[best] + areas[left] - common)]
    return np.asarray(kept, np.int64)


def _check(offsets: Boxes, scores: NDArray[np.float32], anchors: Boxes) -> None:
    count = len(anchors)
    if offsets.shape != (count, 4) or scores.ndim != 2 or len(scores) != count or scores.shape[1] < 2:
        raise InputError(
            f"a detector with {count} anchors must give boxes ({count}, 4) and scores ({count}, classes + 1), "
            f"got {offsets.shape} and {scores.shape}"
        )
