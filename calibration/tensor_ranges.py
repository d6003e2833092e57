"""The int8 range of every tensor of a network, from the values that it held on the calibration samples."""

from collections.abc import Callable, Container, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.calibration.observers import HistogramObserver, MinMaxObserver
from edge.errors import InputError

Value = Callable[[int], NDArray[np.float32]]
"""A function that returns the values of a tensor, by the tensor's number in its file."""

METHODS = ("mse", "minmax")
"""How a range is chosen from the observed values: with the least mean squared error, or from minimum to maximum."""


class TensorRanges:
    """An observer for each tensor."""

    def __init__(
        self,
        tensors: Iterable[int],
        border: Container[int],
        method: str = METHODS[0],
        known: Mapping[int, tuple[float, float]] | None = None,
    ) -> None:
        """Make an observer for each tensor.

        Args:
            tensors: the numbers of the tensors that need a range.
            border: the numbers of the network's inputs and outputs, and of tensors that decide an output's order. Their
                range is from minimum to maximum with every method, because nothing may be clipped there.
            method: one of METHODS.
            known: the smallest and the largest value that a tensor can have, where that is known without samples. Its
                range takes in both.

        Raises:
            InputError: the method is unknown.
        """
        if method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
        whole = method == "minmax"
        self._observers = {
            index: MinMaxObserver() if whole or index in border else HistogramObserver() for index in tensors
        }
        for index, bounds in (known or {}).items():
            if index in self._observers:
                self._observers[index].observe(np.asarray(bounds, np.float32))

    def observe(self, value: Value) -> None:
        """Take in the values of one sample."""
        for index, observer in self._observers.items():
            observer.observe(value(index))

    def ranges(self) -> dict[int, tuple[float, float]]:
        """Return the smallest and the largest value of each tensor's range, by the tensor's number."""
        return {index: observer.range() for index, observer in self._observers.items()}
