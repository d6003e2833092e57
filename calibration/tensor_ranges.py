"""What every tensor of a network holds, sample by sample, and the range that int8 gives it."""

from collections.abc import Callable, Container, Iterable

import numpy as np
from numpy.typing import NDArray

from edge.calibration.observers import HistogramObserver, MinMaxObserver
from edge.errors import InputError

Value = Callable[[int], NDArray[np.float32]]
"""Returns what a tensor holds, by the tensor's number in its file."""

METHODS = ("mse", "minmax")
"""How a range is fitted to the values observed: so that squares err least, or from end to end."""


class TensorRanges:
    """An observer for each tensor."""

    def __init__(self, tensors: Iterable[int], border: Container[int], method: str = METHODS[0]) -> None:
        """Begin with nothing observed.

        Args:
            tensors: the numbers of those that need a range.
            border: the numbers of the network's inputs and outputs, and of what decides an output's order. They keep
                all that was observed, whatever the method: nothing may be clipped there.
            method: of METHODS.
        """
        if method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
        whole = method == "minmax"
        self._observers = {
            index: MinMaxObserver() if whole or index in border else HistogramObserver() for index in tensors
        }

    def observe(self, value: Value) -> None:
        """Take in the values of one sample."""
        for index, observer in self._observers.items():
            observer.observe(value(index))

    def ranges(self) -> dict[int, tuple[float, float]]:
        """Return the least and the largest value of each tensor's range, by its number."""
        return {index: observer.range() for index, observer in self._observers.items()}

