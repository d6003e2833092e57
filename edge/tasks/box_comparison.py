"""Comparison of the boxes of two networks: boxes with a partner, and mean average precision against the truth."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decoders.base import Decoder
from edge.decoders.select import Selected, Selection, overlaps, select
from edge.errors import InputError
from edge.placement import Placement
from edge.tasks.average_precision import Found, Truth, average_precisions, mean_average_precision
from edge.tasks.base import Comparer, Figures
from edge.tasks.decoding import on_frame
from edge.tasks.difference import Difference, Share
from edge.tensors import Outputs

PARTNER_IOU = 0.7
"""Boxes of the same class with at least this IoU belong to the same object."""

BORDERLINE = 0.05
"""A box without a partner does not count when its score exceeds the threshold by less than this."""

CURVE_SCORE, CURVE_BOXES = 0.02, 200
"""Score threshold and boxes per picture for average precision, whose curve also needs low scores."""


class BoxComparison(Comparer):
    """Compares the selected boxes in pixels of the frame, as the loop shows them."""

    def __init__(self, decoder: Decoder, selection: Selection) -> None:
        self._decoder, self._selection = decoder, selection
        self._curve = replace(
            selection,
            score_threshold=min(CURVE_SCORE, selection.score_threshold),
            max_detections=max(CURVE_BOXES, selection.max_detections),
        )
        self._difference, self._matched = Difference(), Share()
        self._truths: list[Truth] = []
        self._found: tuple[list[Found], list[Found]] = ([], [])

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        both = self._decoder(reference), self._decoder(candidate)
        expected, got = (on_frame(select(found, self._selection), placement) for found in both)
        certain = self._selection.score_threshold + BORDERLINE
        partner = partners(expected, got)
        with_one = int((partner >= 0).sum())
        without = int((expected.scores[partner < 0] >= certain).sum())
        without += int((np.delete(got.scores, partner[partner >= 0]) >= certain).sum())
        self._matched.add(2 * with_one, 2 * with_one + without)
        if truth is not None:
            self._truths.append(_checked(truth))
            for found, kept in zip(both, self._found, strict=True):
                low = on_frame(select(found, self._curve), placement)
                kept.append(Found(low.boxes, low.scores, low.classes))

    def figures(self) -> Figures:
        known = None
        if self._truths:
            expected, got = (self._mean_average_precision(found) for found in self._found)
            known = ("mAP at IoU 0.5", 100 * got, 100 * expected)
        measure = f"boxes matched at IoU {PARTNER_IOU}"
        boxes = {"boxes compared": self._matched.whole / 2}
        return self._difference.figures(measure, self._matched.percent, quality=known, details=boxes)

    def _mean_average_precision(self, found: list[Found]) -> float:
        classes = [row.classes for row in found] + [row.classes for row in self._truths]
        count = 1 + max(int(numbers.max(initial=0)) for numbers in classes)
        return mean_average_precision(average_precisions(found, self._truths, count))


def partners(first: Selected, second: Selected) -> NDArray[np.int64]:
    """Return for each detection of ``first`` the row of its partner in ``second``, or -1.

    The detections choose in order of their scores. The partner has the same class, is not yet the partner of another
    detection, and has the largest IoU, which must be at least ``PARTNER_IOU``.
    """
    overlap = overlaps(first.boxes, second.boxes)
    overlap[first.classes[:, None] != second.classes] = 0
    found = np.full(len(first.scores), -1, np.int64)
    for row in range(len(found)):
        best = int(overlap[row].argmax()) if overlap.shape[1] else 0
        if overlap.shape[1] and overlap[row, best] >= PARTNER_IOU:
            found[row] = best
            overlap[:, best] = 0
    return found


def _checked(truth: Any) -> Truth:
    if not isinstance(truth, Truth) or truth.boxes.shape != (len(truth.classes), 4):
        raise InputError(f"the truth must be an average_precision.Truth with boxes (n, 4), got {truth!r}")
    return truth
