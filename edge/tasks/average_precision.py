"""Mean average precision of detections, as PASCAL VOC defines it since 2010.

Everingham et al., https://doi.org/10.1007/s11263-014-0733-5, section 3.2: the area under the precision-recall curve
over all points, after the precision is made monotonic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.decoders.select import overlaps

Boxes = NDArray[np.float32]
"""Boxes (n, 4), low corner and high corner. The order of the axes and the unit do not matter for overlaps."""


@dataclass(frozen=True)
class Found:
    """Detections in one image.

    Attributes:
        boxes: (n, 4) float32.
        scores: (n,) float32.
        classes: (n,), from 0.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """True boxes of one image.

    Attributes:
        boxes: (m, 4) float32, in the same order and unit as those of ``Found``.
        classes: (m,), from 0.
        difficult: (m,) bool. Such boxes do not count, whether they are found or not.
    """

    boxes: Boxes
    classes: NDArray[np.int64]
    difficult: NDArray[np.bool_]


def mean_average_precision(per_class: Sequence[float]) -> float:
    """Return the mean over the classes with a true box, from 0 to 1. It is 0 when there is none."""
    known = [value for value in per_class if not np.isnan(value)]
    return float(np.mean(known)) if known else 0.0


def average_precisions(
    found: Sequence[Found], truths: Sequence[Truth], classes: int, iou_threshold: float = 0.5
) -> list[float]:
    """Return the average precision of each class, from 0 to 1. It is NaN for a class without a true box.

    Args:
        found: the detections, one entry per image.
        truths: the true boxes of the same images, in the same order.
        classes: the number of classes.
        iou_threshold: the least intersection over union of a true positive.
    """
    return [_of_class(found, truths, number, iou_threshold) for number in range(classes)]


def _of_class(found: Sequence[Found], truths: Sequence[Truth], number: int, iou_threshold: float) -> float:
    scores, hits, positives = [], [], 0
    for image, truth in zip(found, truths, strict=True):
        mine, wanted = image.classes == number, truth.classes == number
        order = np.argsort(-image.scores[mine], kind="stable")
        hits.append(check_boxes(image.boxes[mine][order], truth.boxes[wanted], truth.difficult[wanted], iou_threshold))
        scores.append(image.scores[mine][order])
        positives += int(np.sum(~truth.difficult[wanted]))
    return area(np.concatenate(scores), np.concatenate(hits), positives) if positives else float("nan")


def check_boxes(boxes: Boxes, truths: Boxes, difficult: NDArray[np.bool_], iou_threshold: float) -> NDArray[np.int64]:
    """Return (n,) for (n, 4) boxes of one class in one image: 1 true positive, 0 false positive, -1 not counted.

    The boxes are sorted with the best first. Each belongs to the true box that it overlaps most. The first box of a
    true box is a true positive, and later ones are false positives. Boxes of a difficult true box are not counted.
    """
    verdict = np.zeros(len(boxes), np.int64)
    if not len(truths):
        return verdict
    overlap, taken = overlaps(boxes, truths), set()
    for row, truth in enumerate(overlap.argmax(axis=1)):
        if overlap[row, truth] < iou_threshold:
            continue
        if difficult[truth]:
            verdict[row] = -1
        elif truth not in taken:
            taken.add(truth)
            verdict[row] = 1
    return verdict


def area(scores: NDArray[np.float32], verdicts: NDArray[np.int64], positives: int) -> float:
    """Return the area under the precision-recall curve, from 0 to 1.

    Args:
        scores: (n,) scores of the boxes of one class in all images.
        verdicts: (n,) results of ``check_boxes`` for these boxes.
        positives: the number of true boxes, at least 1.
    """
    order = np.argsort(-scores, kind="stable")
    counted = verdicts[order][verdicts[order] >= 0]
    hits = np.cumsum(counted)
    precision = hits / np.arange(1, len(counted) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope * counted) / positives)
