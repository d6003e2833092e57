"""GPTQ: rounding a layer's weights to int8 so that its outputs, not its weights, have the least squared error.

Rounding each weight to the nearest step keeps the error of the weights small. The error that counts is that of the sums
of products, and the inputs of a sum are correlated: neighbouring pixels, channels that are active together. So the
weights are rounded one after the other, and each makes up for the errors of those before it. The bias comes last and is
not rounded.

Sources: Frantar et al. 2023, https://arxiv.org/abs/2210.17323 (GPTQ: the same order for all outputs, and a Cholesky
factor of the Hessian); Babai 1986, https://doi.org/10.1007/BF02579403 (the same algorithm as the nearest plane in a
lattice, which is the form used here).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QMAX = 127
"""The int8 value of a channel's largest weight. TFLite's specification leaves -128 unused for weights."""
ROWS_PER_PRODUCT = 512
"""Rows that are collected before they are multiplied, because a product of few rows takes as long as one of many."""
BLOCK = 64
"""Weights whose corrections come from one matrix product, where GPTQ would take a product for each weight."""


@dataclass
class Hessian:
    """The Hessian of a layer's squared output error by its weights and bias, without the factor 2: E[x x^T].

    x is a row of n inputs with a 1 for the bias behind them.

    Attributes:
        sums: (groups, n + 1, n + 1) float32, the sum of x x^T over all rows.
        count: the number of rows.
    """

    sums: NDArray[np.float32]
    count: int = 0
    _waiting: list[NDArray[np.float32]] = field(default_factory=list)

    @classmethod
    def empty(cls, groups: int, inputs: int) -> "Hessian":
        """Return the Hessian before any row was observed."""
        return cls(np.zeros((groups, inputs + 1, inputs + 1), np.float32))

    def observe(self, rows: NDArray[np.float32]) -> None:
        """Take in rows of inputs, (groups, count, n)."""
        rows = np.concatenate([rows, np.ones((*rows.shape[:2], 1), np.float32)], axis=-1)
        self._waiting.append(rows)
        self.count += rows.shape[1]
        if sum(part.shape[1] for part in self._waiting) >= ROWS_PER_PRODUCT:
            self._multiply()

    def _multiply(self) -> None:
        if self._waiting:
            rows = np.concatenate(self._waiting, axis=1)
            if len(rows) == 1:  # numpy computes half of a symmetric product, but only of two matrices
                self.sums[0] += rows[0].T @ rows[0]
            else:
                self.sums += rows.transpose(0, 2, 1) @ rows
            self._waiting.clear()

    def damped(self) -> Floats:
        """Return the mean of x x^T, damped as if n more rows had been observed, with equal power in every direction.

        Without damping, weights that hardly matter for the observed rows would move far. As in GPTQ, the damping is a
        share of the mean of the diagonal.
        """
        self._multiply()
        n = self.sums.shape[1] - 1
        seen = self.sums.astype(np.float64)
        power = np.trace(seen[:, :n, :n], axis1=1, axis2=2) / n / max(self.count, 1)
        at = np.arange(n)
        seen[:, at, at] += (n * np.where(power > 0, power, 1.0))[:, None]
        seen[:, n, n] += n
        return np.asarray(seen / (self.count + n))


def weight_scale(weights: Floats) -> Floats:
    """Return the int8 scale of each output channel, (groups, 1, channels); 1 for a channel of zeros.

    Args:
        weights: (groups, n, channels). The largest magnitude becomes 127, as TFLite quantizes weights.
    """
    largest = np.abs(weights).max(axis=1, keepdims=True)
    return np.where(largest > 0, largest / QMAX, 1.0)


def round_to_nearest(weights: Floats) -> Floats:
    """Return each weight rounded to the nearest multiple of its channel's scale."""
    scale = weight_scale(weights)
    return np.round(weights / scale) * scale


def output_error(change: Floats, hessian: Floats) -> Floats:
    """Return the expected squared error of every output, (groups, channels), when its weights change.

    Args:
        change: (groups, n + 1, channels), the change of each weight, and of the bias at the end.
        hessian: (groups, n + 1, n + 1), as ``Hessian.damped`` gives it.
    """
    return np.asarray(np.einsum("gnc,gnm,gmc->gc", change, hessian, change, optimize=True))


def gptq(weights: Floats, bias: Floats, hessian: Hessian) -> tuple[Floats, Floats]:
    """Return weights that are multiples of their scale, and the bias that goes with them.

    Each channel's largest weight stays what it is, so that the scale does. A channel whose expected error is smaller
    with round-to-nearest gets that, and keeps its bias.

    Args:
        weights: (groups, n, channels per group).
        bias: (groups, channels per group).
        hessian: of the layer's inputs.
    """
    expected = hessian.damped()
    before = np.concatenate([weights, bias[:, None]], axis=1)
    compensated = _one_after_the_other(before, weight_scale(weights), np.abs(weights).argmax(axis=1), _factor(expected))
    plain = np.concatenate([round_to_nearest(weights), bias[:, None]], axis=1)
    better = output_error(compensated - before, expected) < output_error(plain - before, expected)
    chosen = np.where(better[:, None], compensated, plain)
    return chosen[:, :-1], chosen[:, -1]


def _factor(hessian: Floats) -> Floats:
    """Return the upper triangular R with ``hessian = R @ R.T``.

    The expected squared error of an output is the sum of squares of ``R.T @ (before - after)``. Its k-th term depends
    on the first k weights only, so each weight in turn makes its own term as small as it can.
    """
    return np.asarray(np.linalg.cholesky(hessian[:, ::-1, ::-1])[:, ::-1, ::-1])


def _one_after_the_other(before: Floats, scale: Floats, largest: NDArray[np.int64], factor: Floats) -> Floats:
    """Round all rows but the last one, each from where it makes up for the errors of the rows before it.

    Args:
        before: (groups, n + 1, channels), the weights, and the bias at the end.
        scale: (groups, 1, channels).
        largest: (groups, channels), the row of each channel's largest weight, which is not moved.
        factor: R of ``_factor``.
    """
    size = before.shape[1]
    errors = np.zeros_like(before)
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        corrections = factor[:, :start, start:end].transpose(0, 2, 1) @ errors[:, :start]
        for row in range(start, end):
            correction = corrections[:, row - start] + (factor[:, None, start:row, row] @ errors[:, start:row])[:, 0]
            wanted = before[:, row] + correction / factor[:, row, row, None]
            whole = np.clip(np.round(wanted / scale[:, 0]), -QMAX, QMAX) * scale[:, 0]
            whole = np.where(largest == row, before[:, row], whole)
            errors[:, row] = before[:, row] - (wanted if row == size - 1 else whole)
    return before - errors
