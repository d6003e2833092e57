"""Comparison of the keypoints of two networks: distances of points, and PCK against the truth."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.placement import Placement
from edge.tasks.base import Comparer, Figures
from edge.tasks.difference import Difference, Share, quality
from edge.tensors import Outputs

if TYPE_CHECKING:
    from edge.tasks.keypoints import Keypoints

Points = NDArray[np.float64]
"""Points (instances, k, 3) or (k, 3): x, y in pixels, and a score."""

NEAR = 0.02
"""The largest distance of equal points of two networks, as a share of the picture's diagonal."""

RIGHT = 0.05
"""The largest distance of a right point from the true one, as a share of the longer side, as in training."""


class PoseComparison(Comparer):
    """Pairs the instances of both networks and compares their points. The best instance gets the nearest partner first.

    Points below the reference's threshold do not count. All points of an instance without a partner count as wrong.
    """

    def __init__(self, task: "Keypoints") -> None:
        self._task, self._difference = task, Difference()
        self._near, self._right, self._reference_right = Share(), Share(), Share()
        self._distances = Share()

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        both = (self._task.instances(outputs, placement).points for outputs in (reference, candidate))
        expected, got = (np.asarray(points, np.float64) for points in both)
        size = self._size(placement)
        self._compare(expected, got, float(np.hypot(*size)))
        if truth is not None:
            known = _true_points(truth, len(self._task.names))
            reach = RIGHT * max(size)
            _count_right(self._right, known, got, reach)
            _count_right(self._reference_right, known, expected, reach)

    def figures(self) -> Figures:
        known = quality("PCK at 5 % of the longer side", self._right, self._reference_right)
        details = {"mean distance, % of the diagonal": self._distances.percent if self._distances.whole else 0.0}
        near = self._near.percent
        return self._difference.figures("points within 2 % of the diagonal", near, quality=known, details=details)

    def _compare(self, expected: Points, got: Points, diagonal: float) -> None:
        left = list(got)
        for mine in expected:
            certain = self._certain(mine)
            if not left:
                self._near.add(0, certain.sum())
                continue
            apart = [_distances(other, mine)[certain] for other in left]
            nearest = int(np.argmin([distances.mean() if distances.size else 0.0 for distances in apart]))
            left.pop(nearest)
            distances = apart[nearest] / diagonal
            self._near.add((distances <= NEAR).sum(), distances.size)
            self._distances.add(distances.sum(), distances.size)
        for other in left:
            self._near.add(0, self._certain(other).sum())

    def _certain(self, points: Points) -> NDArray[np.bool_]:
        """Return which of (k, 3) points are finite and reach the threshold."""
        return np.asarray(np.isfinite(points).all(axis=1) & (points[:, 2] >= self._task.point_threshold))

    def _size(self, placement: Placement | None) -> tuple[int, int]:
        size = placement.frame if placement is not None else self._task.size
        if size is None:
            raise InputError("keypoints are compared in parts of a picture: the network needs one image input")
        return size


def _distances(first: Points, second: Points) -> Points:
    """Return the distances (k,) of two sets of points (k, 2 or more) with x, y."""
    return np.asarray(np.linalg.norm(first[:, :2] - second[:, :2], axis=1))


def _true_points(truth: Any, count: int) -> Points:
    """Return (instances, k, 3) x, y, visible."""
    points = np.asarray(truth, np.float64)
    points = points[None] if points.ndim == 2 else points
    if points.ndim != 3 or points.shape[1] != count or points.shape[2] not in (2, 3):
        raise InputError(f"the true points must be ({count}, 2 or 3) or a list of these, got {np.shape(truth)}")
    if points.shape[2] == 2:
        points = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1)
    return points


def _count_right(share: Share, truth: Points, found: Points, reach: float) -> None:
    """Count the visible true points with a predicted point of the nearest instance within ``reach`` pixels.

    PCK, Yang and Ramanan 2013, section 6.1, https://doi.org/10.1109/TPAMI.2012.261; there in parts of the person's box.
    """
    for instance in truth:
        visible = instance[:, 2] > 0
        apart = [_distances(points, instance)[visible] for points in found]
        best = max((int((distances <= reach).sum()) for distances in apart), default=0)
        share.add(best, visible.sum())
