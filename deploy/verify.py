"""The gate's judgement: figures of a comparison against a budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edge.errors import GateFailed, InputError
from edge.tasks.base import Budget, Figures

EXACT_SNR = 80.0
"""Signal-to-noise in dB that a float32 file must reach: the same arithmetic in another order reaches more."""

EXACT_SHARE = 99.9
"""Percent of equal answers that will do instead, for networks whose values are lost in their last digits."""

EXACT_DROP = 0.1
"""The most that a float32 file may fall behind, in the unit of the task's quality."""


@dataclass(frozen=True)
class Limits:
    """What a file is held to.

    Attributes:
        budget: of agreement and quality.
        exact: whether the file has to compute the same, as a float32 file has; the budget does not count then.
    """

    budget: Budget
    exact: bool = False


@dataclass(frozen=True)
class Comparison:
    """One candidate against its reference.

    Attributes:
        candidate: the file's name.
        reference: the name of what it is compared with.
        figures: how they compare.
    """

    candidate: str
    reference: str
    figures: Figures

    def as_json(self) -> dict[str, Any]:
        """Return the record's form; an infinite value is null."""
        return {"candidate": self.candidate, "reference": self.reference, **self.figures.as_json()}

    def complaint(self, limits: Limits) -> str | None:
        """Return what is over budget, in one line, or None."""
        found = self.figures
        least = f"at least {_with_unit(limits.budget.agreement, found.unit)}"
        agrees = found.agreement >= limits.budget.agreement
        drop = EXACT_DROP if limits.exact else limits.budget.drop
        if limits.exact:
            least = f"at least {EXACT_SNR:g} dB of signal-to-noise, it has {found.snr:.1f} dB,"
            agrees = found.snr >= EXACT_SNR or (found.unit == "%" and found.agreement >= EXACT_SHARE)
        if not agrees:
            return (
                f"{self.candidate} agrees with {self.reference} by {found.measure}: "
                f"{_with_unit(found.agreement, found.unit)} of {found.samples} samples, {least} needed"
            )
        if found.quality is None or found.reference_quality is None:
            return None
        lost = found.reference_quality - found.quality
        if lost > drop:
            return f"{self.candidate} loses {lost:.2f} points of {found.quality_name}, at most {drop} allowed"
        return None


def check(budget: Budget) -> None:
    """Raise InputError for what is no budget."""
    if not 0 <= budget.agreement <= 100:
        raise InputError(f"the least agreement must be 0 to 100 (percent, dB or cosine), got {budget.agreement}")
    if math.isnan(budget.drop):
        raise InputError(f"the most lost points of quality must be a number, got {budget.drop}")


def of_twins(budget: Budget, unit: str) -> Budget:
    """Return the budget of an ONNX file against the TFLite file that it was made from: a quarter of the loss."""
    if unit == "dB":
        return replace(budget, agreement=budget.agreement + 10 * math.log10(4))
    whole = 100.0 if unit == "%" else 1.0
    return replace(budget, agreement=whole - (whole - budget.agreement) / 4)


def gate(comparisons: Sequence[Comparison], limits: Sequence[Limits]) -> None:
    """Raise GateFailed with every complaint when a comparison is over its budget."""
    found = [c.complaint(limit) for c, limit in zip(comparisons, limits, strict=True)]
    if complaints := [line for line in found if line]:
        raise GateFailed("; ".join(complaints))


def _with_unit(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.2f} %"
    return f"{value:.4g} {unit}".strip()
