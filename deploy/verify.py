"""The gate: reference and candidate on the same real samples, compared by numbers with a budget each."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import GateFailed, InputError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Budget:
    """agreement: least share of samples with the same top-1, percent. drop: most accuracy lost, points."""

    agreement: float
    drop: float

    def __post_init__(self) -> None:
        if not 0 <= self.agreement <= 100:
            raise InputError(f"the least agreement must be 0 to 100 percent, got {self.agreement}")
        if math.isnan(self.drop):
            raise InputError(f"the most lost points of accuracy must be a number, got {self.drop}")


EXACT = Budget(agreement=99.9, drop=0.1)
"""For float32 files: the same arithmetic in another order."""


@dataclass(frozen=True)
class Comparison:
    """One candidate against its reference. accuracy, agreement: percent; None without labels.

    max_error: largest absolute difference of any output value. snr: signal-to-noise of all outputs, dB.
    """

    candidate: str
    reference: str
    samples: int
    agreement: float
    max_error: float
    snr: float
    accuracy: float | None = None
    reference_accuracy: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the record's form; an infinite signal-to-noise is null."""
        out = asdict(self)
        return {**out, "snr": None if not np.isfinite(self.snr) else round(self.snr, 2)}

    def complaint(self, budget: Budget) -> str | None:
        """Return what is over budget, in one line, or None."""
        if self.agreement < budget.agreement:
            return (
                f"{self.candidate} agrees with {self.reference} on {self.agreement:.2f} % of {self.samples} samples, "
                f"at least {budget.agreement} % needed"
            )
        if self.accuracy is not None and self.reference_accuracy is not None:
            drop = self.reference_accuracy - self.accuracy
            if drop > budget.drop:
                return f"{self.candidate} loses {drop:.2f} points of accuracy, at most {budget.drop} allowed"
        return None


def compare(
    candidate: str, got: Floats, reference: str, expected: Floats, classes: NDArray[np.int64] | None = None
) -> Comparison:
    """Compare outputs. got, expected: (n, classes) real values. classes: (n,) true label indices, if known."""
    if got.shape != expected.shape:
        raise GateFailed(f"{candidate} must have outputs of shape {expected.shape} as {reference} has, got {got.shape}")
    if not len(expected):
        raise InputError("verification needs at least one sample")
    if not np.isfinite(got).all():
        raise GateFailed(f"{candidate} has outputs that are not finite")
    top_got, top_expected = got.argmax(-1), expected.argmax(-1)
    noise = float(np.sum((got.astype(np.float64) - expected) ** 2))
    signal = float(np.sum(expected.astype(np.float64) ** 2))
    return Comparison(
        candidate,
        reference,
        len(expected),
        _percent(top_got == top_expected),
        float(np.abs(got - expected).max()),
        10 * float(np.log10(signal / noise)) if noise > 0 and signal > 0 else float("inf"),
        None if classes is None else _percent(top_got == classes),
        None if classes is None else _percent(top_expected == classes),
    )


def gate(comparisons: Sequence[Comparison], budgets: Sequence[Budget]) -> None:
    """Raise GateFailed with every complaint when a comparison is over its budget."""
    found = [c.complaint(b) for c, b in zip(comparisons, budgets, strict=True)]
    if complaints := [line for line in found if line]:
        raise GateFailed("; ".join(complaints))


def _percent(flags: NDArray[np.bool_]) -> float:
    return round(100 * float(np.mean(flags)), 4)
