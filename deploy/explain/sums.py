"""Sums over samples from which the signal-to-noise ratios of layers and outputs are computed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.tasks.difference import Share, decibel

__all__ = ["Effect", "Noise", "Sums", "decibel"]

Array = NDArray[Any]


def limited(values: Array, limits: tuple[float, float] | None) -> Array:
    """Return values within limits, beyond which a sigmoid that follows makes no difference. None limits nothing."""
    return values if limits is None else np.clip(values, *limits)


class Noise:
    """The squared signal and the squared difference of a tensor.

    Attributes:
        signal: the sum of the squared true values.
        noise: the sum of the squared differences.
    """

    def __init__(self) -> None:
        self.signal, self.noise = 0.0, 0.0

    def add(self, expected: Array, got: Array) -> None:
        """Add the values of one sample. Of whole numbers, such as classes, the number of different ones counts."""
        if expected.dtype.kind != "f":
            self.signal += expected.size
            self.noise += float(np.count_nonzero(expected != got))
            return
        self.signal += squared(expected)
        self.noise += squared(np.subtract(got, expected, dtype=np.float32))

    @property
    def snr(self) -> float:
        """The signal-to-noise ratio in dB, infinite without noise."""
        return decibel(self.signal, self.noise)


class Effect:
    """The difference at the outputs of a network. Each output counts the same, whatever the size of its values."""

    def __init__(self) -> None:
        self._outputs: list[Noise] = []

    def add(self, expected: Sequence[Array], got: Sequence[Array]) -> None:
        """Add the outputs of one sample."""
        self._outputs = self._outputs or [Noise() for _ in expected]
        for output, one, other in zip(self._outputs, expected, got, strict=True):
            output.add(one, other)

    @property
    def noise(self) -> float:
        """The squared noise as a share of the squared signal, as the mean of the outputs that have a signal."""
        shares = [output.noise / output.signal for output in self._outputs if output.signal]
        return sum(shares) / len(shares) if shares else 0.0


class Sums:
    """What is measured of one layer.

    Attributes:
        accumulated: its output in the int8 network.
        local: its output where it alone is int8.
        effect: the network's outputs where it alone is int8.
        of_range: the part of the local noise that comes from the range of its output, not from its weights.
        clipped: the values of its output beyond the range, of all.
    """

    def __init__(self) -> None:
        self.accumulated, self.local, self.effect = Noise(), Noise(), Effect()
        self.of_range, self.clipped = 0.0, Share()

    def add_local(self, exact: Array, error: Array, rounded: Array, bounds: tuple[float, float]) -> None:
        """Add one sample of the layer by itself.

        Args:
            exact: its float output.
            error: what the int8 output differs by.
            rounded: the float output on the steps of the int8 output.
            bounds: the smallest and the largest value that is not clipped.
        """
        self.local.signal += squared(exact)
        self.local.noise += squared(error)
        self.of_range += squared(np.subtract(rounded, exact, dtype=np.float32))
        self.clipped.add(float(np.count_nonzero((exact < bounds[0]) | (exact > bounds[1]))), exact.size)


def squared(values: Array) -> float:
    """Return the sum of squares of float32 values, by the processor's dot product, which is exact enough for ratios."""
    flat = values.ravel()
    return float(flat @ flat)
