"""What every tensor of a network holds, sample by sample, and the range that int8 gives it."""

from collections.abc import Callable, Container, Iterable

import numpy as np
from numpy.typing import NDArray

from edge.calibration.ranges import Extremes, Histogram
from edge.errors import InputError

Value = Callable[[int], NDArray[np.float32]]
"""Returns what a tensor holds, by the tensor's number in its file."""

METHODS = ("mse", "minmax")
"""How a range is fitted to what was seen: so that squares err least, or from end to end."""


class Observers:
    """One observer a tensor."""

    def __init__(self, tensors: Iterable[int], border: Container[int], method: str = METHODS[0]) -> None:
        """Begin with nothing seen.

        Args:
            tensors: the numbers of those that need a range.
            border: the numbers of the network's inputs and outputs, and of what decides an output's order. They keep
                all that was seen, whatever the method: nothing may be clipped there.
            method: of METHODS.
        """
        if method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {method!r}")
        whole = method == "minmax"
        self._seen = {index: Extremes() if whole or index in border else Histogram() for index in tensors}

    def see(self, value: Value) -> None:
        """Take in one sample's values."""
        for index, seen in self._seen.items():
            seen.add(value(index))

    def ranges(self) -> dict[int, tuple[float, float]]:
        """Return the least and the largest value of each tensor's range, by its number."""
        return {index: seen.range() for index, seen in self._seen.items()}

