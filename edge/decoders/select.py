"""From a detector's candidates to its detections: score threshold, suppression of overlapping boxes, the best ones.

The steps are functions of their own, the same for every head; ``select`` runs them as a task's parameters say. Pure
numpy. Boxes are x0, y0, x1, y1 in any unit that both axes share; the decoders give pixels of the network's input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decoders.base import LARGEST_COORDINATE, Candidates, Floats
from edge.decoders.parameters import choice, flag, number, whole

NMS = ("per_class", "class_agnostic", "soft_linear", "soft_gaussian", "none")
"""How overlapping boxes are suppressed; both soft forms work per class."""

MOST_CANDIDATES = 400
"""Suppression looks at this many boxes of a class, the best ones, because its time grows with their square."""


@dataclass(frozen=True)
class Selected:
    """Detections; every function of this module returns them best first.

    Attributes:
        boxes: (n, 4) float32, x0, y0, x1, y1 in pixels of the network's input.
        scores: (n,) float32, 0 to 1.
        classes: (n,) int64 from 0, without a background class.
        points: (n, k, 3) float32, x, y and score of the landmarks of each box; None where the head gives none.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]
    points: Floats | None = None

    def take(self, rows: Any) -> "Selected":
        """Return the detections of these rows, in this order."""
        points = None if self.points is None else self.points[rows]
        return Selected(self.boxes[rows], self.scores[rows], self.classes[rows], points)


@dataclass(frozen=True)
class Selection:
    """What the steps are told; the fields are the names of the task's parameters.

    Attributes:
        score_threshold: the least score of a detection.
        iou_threshold: boxes that overlap a better one by more than this are suppressed, intersection over union.
        max_detections: the most detections that are returned.
        nms: one of ``NMS``.
        sigma: the width of the Gaussian of ``soft_gaussian``.
        best_class_only: a box is reported for its best class alone, as YOLO's tools do.
    """

    score_threshold: float = 0.3
    iou_threshold: float = 0.45
    max_detections: int = 100
    nms: str = "per_class"
    sigma: float = 0.5
    best_class_only: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Selection":
        """Read a task's parameters. Raises InputError for a value that is not in its range."""
        return cls(
            number(parameters, "score_threshold", cls.score_threshold, 0, 1),
            number(parameters, "iou_threshold", cls.iou_threshold, 0, 1),
            whole(parameters, "max_detections", cls.max_detections, 1, 100_000),
            choice(parameters, "nms", cls.nms, NMS),
            number(parameters, "sigma", cls.sigma, 1e-6, 1e6),
            flag(parameters, "best_class_only", cls.best_class_only),
        )


def select(candidates: Candidates, how: Selection) -> Selected:
    """Return the detections among the candidates: threshold, suppression, the best ``max_detections``.

    Suppression is left out where the graph has done it.
    """
    found = above(candidates, how.score_threshold, how.best_class_only)
    if not candidates.suppressed:
        found = suppressed(found, how)
    return top(found, how.max_detections)


def above(candidates: Candidates, score_threshold: float, best_class_only: bool = False) -> Selected:
    """Return every pair of box and class whose score is ``score_threshold`` or more, best first.

    A box with more than one such class stands there once for each, unless ``best_class_only``. Boxes without an area,
    boxes beyond ``LARGEST_COORDINATE`` and what is no finite number are left out: a broken output makes no detection.
    """
    boxes, scores = candidates.boxes, candidates.scores
    good = np.isfinite(scores) & (scores >= score_threshold)
    if best_class_only and scores.shape[1] > 1:
        good &= np.arange(scores.shape[1]) == np.nan_to_num(scores, nan=-1).argmax(axis=1)[:, None]
    rows, classes = np.nonzero(good)
    there = (np.abs(boxes[rows]) <= LARGEST_COORDINATE).all(axis=1) & (boxes[rows, :2] < boxes[rows, 2:]).all(axis=1)
    rows, classes = rows[there], classes[there]
    points = None if candidates.points is None else candidates.points[rows]
    found = Selected(boxes[rows], scores[rows, classes], classes.astype(np.int64), points)
    return found.take(_best_first(found.scores))


def clip(candidates: Candidates, width: float, height: float) -> Candidates:
    """Return the candidates with their boxes cut off at the edges of a picture of that size."""
    limits = np.asarray([width, height, width, height], np.float32)
    boxes = np.clip(candidates.boxes, 0.0, limits)
    return Candidates(boxes, candidates.scores, candidates.points, candidates.suppressed)


def suppressed(found: Selected, how: Selection) -> Selected:
    """Return what is left after the suppression that ``how.nms`` names, best first."""
    if how.nms == "none" or not len(found.scores):
        return found
    if how.nms == "class_agnostic":
        best = found.take(_best_first(found.scores)[:MOST_CANDIDATES])
        return best.take(suppress(best.boxes, best.scores, how.iou_threshold))
    # Not numpy.unique, whose first call imports numpy.ma: a fifth of a second of the first frame.
    groups = [found.take(_of_class(found, number)) for number in sorted(set(found.classes.tolist()))]
    return join([_one_class(group, how) for group in groups])


def join(parts: list[Selected]) -> Selected:
    """Return the detections of all parts, best first. There is at least one part; all or none have points."""
    boxes, scores, classes = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "classes")
    )
    points = [part.points for part in parts if part.points is not None]
    whole = Selected(boxes, scores, classes, np.concatenate(points) if points else None)
    return whole.take(_best_first(scores))


def top(found: Selected, max_detections: int) -> Selected:
    """Return the best ``max_detections``, best first; of equal scores the earlier row is the better."""
    return found.take(_best_first(found.scores)[:max_detections])


def suppress(boxes: Floats, scores: Floats, iou_threshold: float) -> NDArray[np.int64]:
    """Return the rows that stay, best first: none overlaps a better one that stays by more than ``iou_threshold``.

    Greedy non-maximum suppression. Of equal scores the earlier row is the better. Time and memory grow with the
    square of n; ``suppressed`` gives it ``MOST_CANDIDATES`` boxes at most.

    Args:
        boxes: (n, 4), corners in either order of the axes.
        scores: (n,).
        iou_threshold: intersection over union, 0 to 1.
    """
    order = _best_first(scores)
    best = boxes[order]
    areas = _areas(best)
    common = _common(best, best)
    apart = common <= iou_threshold * (areas[:, None] + areas - common)
    left = np.ones(len(order), np.bool_)
    kept = []
    for row in range(len(order)):
        if left[row]:
            kept.append(row)
            left &= apart[row]
    return order[np.asarray(kept, np.int64)]


def soften(boxes: Floats, scores: Floats, how: Selection) -> Floats:
    """Return (n,) scores, lowered for boxes that overlap better ones instead of dropping them.

    Soft-NMS, Bodla et al. 2017, https://arxiv.org/abs/1704.04503: the best box keeps its score, and the others are
    multiplied by 1 - IoU where that is ``iou_threshold`` or more (linear, formula 2), or by exp(-IoU^2 / sigma)
    (gaussian, formula 3); then the same with the best of what is left.

    Args:
        boxes: (n, 4).
        scores: (n,).
        how: with ``nms`` one of the soft forms.
    """
    lowered = scores.astype(np.float32).copy()
    left = np.arange(len(scores))
    while len(left) > 1:
        best = left[lowered[left].argmax()]
        left = left[left != best]
        overlap = overlaps(boxes[best][None], boxes[left])[0]
        if how.nms == "soft_gaussian":
            lowered[left] *= np.exp(-(overlap**2) / how.sigma)
        else:
            lowered[left] *= np.where(overlap >= how.iou_threshold, 1 - overlap, 1)
    return lowered


def overlaps(first: Floats, second: Floats) -> Floats:
    """Return (n, m) intersection over union, 0 to 1, of (n, 4) and (m, 4) boxes; 0 where both are empty."""
    common = _common(first, second)
    union = _areas(first)[:, None] + _areas(second)[None] - common
    return np.asarray(common / np.maximum(union, np.finfo(np.float32).tiny), np.float32)


def _one_class(found: Selected, how: Selection) -> Selected:
    """Return what stays of the detections of one class, which are given best first."""
    best = found.take(slice(MOST_CANDIDATES))
    if how.nms == "per_class":
        return best.take(suppress(best.boxes, best.scores, how.iou_threshold))
    lowered = Selected(best.boxes, soften(best.boxes, best.scores, how), best.classes, best.points)
    return lowered.take(lowered.scores >= how.score_threshold)


def _of_class(found: Selected, number: int) -> NDArray[np.int64]:
    return np.flatnonzero(found.classes == number)


def _best_first(scores: Floats) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def _common(first: Floats, second: Floats) -> Floats:
    """Return (n, m) areas that boxes share; axis by axis, because numpy is slow along an axis of two."""
    common = np.ones((len(first), len(second)), np.float32)
    for low, high in ((0, 2), (1, 3)):
        side = np.minimum(first[:, None, high], second[None, :, high])
        side -= np.maximum(first[:, None, low], second[None, :, low])
        common *= np.maximum(side, 0)
    return common


def _areas(boxes: Floats) -> Floats:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
