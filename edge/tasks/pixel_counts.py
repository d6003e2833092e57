"""Dice, IoU and accuracy of predicted masks, from counts of pixels.

Dice 1945, https://doi.org/10.2307/1932409; Jaccard 1912, https://doi.org/10.1111/j.1469-8137.1912.tb05611.x (IoU).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Counts:
    """Numbers of pixels of each class.

    Attributes:
        both: (classes,) pixels that are predicted as the class and truly belong to it.
        predicted: (classes,) pixels that are predicted as the class.
        true: (classes,) pixels that truly belong to the class.
    """

    both: NDArray[np.int64]
    predicted: NDArray[np.int64]
    true: NDArray[np.int64]

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.both + other.both, self.predicted + other.predicted, self.true + other.true)

    def dice(self) -> NDArray[np.float64]:
        """Return 2 |A and B| / (|A| + |B|) of each class. It is NaN for a class without pixels in both."""
        return _ratio(2 * self.both, self.predicted + self.true)

    def iou(self) -> NDArray[np.float64]:
        """Return |A and B| / |A or B| of each class. It is NaN for a class without pixels in both."""
        return _ratio(self.both, self.predicted + self.true - self.both)

    def accuracy(self) -> float:
        """Return the share of pixels with the right class."""
        return float(_ratio(self.both.sum(), self.true.sum()))


def _ratio(a: Any, b: Any) -> NDArray[np.float64]:
    return np.asarray(np.divide(a, b, out=np.full(np.shape(b), np.nan), where=np.asarray(b) > 0), np.float64)


def foreground(values: NDArray[np.float64]) -> float:
    """Return the mean over the classes that occur, without the first. It is 0 when none occurs."""
    there = values[1:][~np.isnan(values[1:])]
    return float(there.mean()) if there.size else 0.0


def count(predicted: NDArray[Any], true: NDArray[Any], classes: int) -> Counts:
    """Compare two arrays of class indices of the same shape.

    True values that are no class, such as 255, are ignored. Predicted values that are no class are wrong.
    """
    valid = true < classes
    predicted, true = predicted[valid], true[valid]
    tally = (np.bincount(values, minlength=classes) for values in (true[predicted == true], predicted, true))
    return Counts(*(values[:classes].astype(np.int64) for values in tally))
