"""Weights on their int8 steps, each rounding error made up for by the weights that are still to be rounded.

Rounding to the nearest step keeps every weight's error small. What counts is the error of the sums that the weights are
in, and the inputs of a sum are alike: neighbouring pixels, channels that fire together. So the weights of a sum are
rounded in turn, each from where the errors before it are best made up for; the bias comes last and is not rounded.

Sources: Frantar et al. 2023, https://arxiv.org/abs/2210.17323 (GPTQ: one order for all sums, by a Cholesky factor);
Babai 1986, https://doi.org/10.1007/BF02579403 (the same as the nearest plane in a lattice, the form used here).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST = 127
"""The int8 code of a channel's largest weight; -128 stays unused, as TFLite's specification wants it."""
TOGETHER = 512
"""Rows that are multiplied at once: few at a time take as long as many."""
BLOCK = 64
"""Weights that hear of all errors before them in one multiplication of matrices, instead of one by one."""


@dataclass
class Moment:
    """The second moment of what a layer multiplies by its weights, and by its bias: 1.

    sums: (groups, n + 1, n + 1), of the products of every two of n inputs and the 1. count: of all rows taken in.
    """

    sums: NDArray[np.float32]
    count: int = 0
    _waiting: list[NDArray[np.float32]] = field(default_factory=list)

    @classmethod
    def empty(cls, groups: int, inputs: int) -> "Moment":
        """Return the moment of no row yet."""
        return cls(np.zeros((groups, inputs + 1, inputs + 1), np.float32))

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take rows in: (groups, count, n)."""
        rows = np.concatenate([rows, np.ones((*rows.shape[:2], 1), np.float32)], axis=-1)
        self._waiting.append(rows)
        self.count += rows.shape[1]
        if sum(part.shape[1] for part in self._waiting) >= TOGETHER:
            self._multiply()

    def _multiply(self) -> None:
        if self._waiting:
            rows = np.concatenate(self._waiting, axis=1)
            self.sums += rows.transpose(0, 2, 1) @ rows
            self._waiting.clear()

    def mean(self) -> Floats:
        """Return the expected products, as if n further rows had been seen, of equal power in every direction.

        With few rows many weights have no say in any sum seen; the further rows keep them where they are.
        """
        self._multiply()
        n = self.sums.shape[1] - 1
        seen = self.sums.astype(np.float64)
        power = np.trace(seen[:, :n, :n], axis1=1, axis2=2) / n / max(self.count, 1)
        at = np.arange(n)
        seen[:, at, at] += (n * np.where(power > 0, power, 1.0))[:, None]
        seen[:, n, n] += n
        return np.asarray(seen / (self.count + n))


def step(weights: Floats) -> Floats:
    """Return the step of each channel's int8 weights, (groups, 1, channels); 1 where all are zero.

    weights: (groups, n, channels). The largest magnitude is 127 steps, as TFLite quantizes weights.
    """
    largest = np.abs(weights).max(axis=1, keepdims=True)
    return np.where(largest > 0, largest / LARGEST, 1.0)


def nearest(weights: Floats) -> Floats:
    """Return each weight's nearest step."""
    steps = step(weights)
    return np.round(weights / steps) * steps


def error(moved: Floats, moment: Floats) -> Floats:
    """Return the expected squared error of every sum, (groups, channels), when its weights move by ``moved``.

    moved: (groups, n + 1, channels), the bias last. moment: (groups, n + 1, n + 1), as ``Moment.mean`` gives it.
    """
    return np.asarray(np.einsum("gnc,gnm,gmc->gc", moved, moment, moved, optimize=True))


def rounded(weights: Floats, bias: Floats, moment: Moment) -> tuple[Floats, Floats]:
    """Return weights that are whole steps, and the bias that goes with them.

    weights: (groups, n, channels), channels per group. bias: (groups, channels). Each channel's largest weight stays
    where it is, so that the step does. A channel that the nearest steps serve better gets those and keeps its bias.
    """
    expected = moment.mean()
    before = np.concatenate([weights, bias[:, None]], axis=1)
    moved = _in_turn(before, step(weights), np.abs(weights).argmax(axis=1), _factor(expected))
    plain = np.concatenate([nearest(weights), bias[:, None]], axis=1)
    better = error(moved - before, expected) < error(plain - before, expected)
    chosen = np.where(better[:, None], moved, plain)
    return chosen[:, :-1], chosen[:, -1]


def _factor(moment: Floats) -> Floats:
    """Return the upper triangular R with ``moment = R @ R.T``.

    A sum's expected squared error is then the squares of ``R.T @ (before - after)``, of which the k-th has to do with
    the first k weights only: rounded in turn, each weight makes its own as small as it can.
    """
    return np.asarray(np.linalg.cholesky(moment[:, ::-1, ::-1])[:, ::-1, ::-1])


def _in_turn(before: Floats, steps: Floats, largest: NDArray[np.int64], factor: Floats) -> Floats:
    """Round all rows but the last one after the other; see ``rounded``."""
    size = before.shape[1]
    errors = np.zeros_like(before)
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        pulls = factor[:, :start, start:end].transpose(0, 2, 1) @ errors[:, :start]
        for row in range(start, end):
            pull = pulls[:, row - start] + (factor[:, None, start:row, row] @ errors[:, start:row])[:, 0]
            wanted = before[:, row] + pull / factor[:, row, row, None]
            whole = np.clip(np.round(wanted / steps[:, 0]), -LARGEST, LARGEST) * steps[:, 0]
            whole = np.where(largest == row, before[:, row], whole)
            errors[:, row] = before[:, row] - (wanted if row == size - 1 else whole)
    return before - errors
