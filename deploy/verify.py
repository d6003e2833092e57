"""``gate`` checks the figures of each comparison against its budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge.errors import GateFailed, InputError
from edge.tasks.base import Budget, Figures

EXACT_SNR = 80.0
"""Signal-to-noise ratio in dB that a float32 file must reach. The same arithmetic in another order reaches more."""

EXACT_SHARE = 99.9
"""Percent of equal answers that suffice instead when the outputs are whole numbers, such as class numbers."""

EXACT_DROP = 0.1
"""The most quality that a float32 file may lose, in the unit of the task's quality."""


@dataclass(frozen=True)
class Limits:
    """The limits that a file must keep in one comparison.

    Attributes:
        budget: the least agreement and the largest drop of quality.
        exact: whether the file must compute the same as its reference, as a float32 file must. The EXACT_ constants
            then replace the budget.
    """

    budget: Budget
    exact: bool = False


@dataclass(frozen=True)
class Comparison:
    """The result of comparing one file with its reference.

    Attributes:
        candidate: the name of the file.
        reference: the name of its reference: the model, or another file.
        figures: the measured agreement and quality.
    """

    candidate: str
    reference: str
    figures: Figures

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for the manifest; an infinite value becomes null."""
        return {"candidate": self.candidate, "reference": self.reference, **self.figures.as_json()}

    def complaint(self, limits: Limits) -> str | None:
        """Return one line that says which limit is exceeded, or None."""
        found = self.figures
        least = f"at least {_with_unit(limits.budget.agreement, found.unit)}"
        agrees = found.agreement >= limits.budget.agreement
        drop = EXACT_DROP if limits.exact else limits.budget.drop
        if limits.exact:
            least = f"at least {EXACT_SNR:g} dB of signal-to-noise, it has {found.snr:.1f} dB,"
            agrees = found.snr >= EXACT_SNR or (found.discrete and found.agreement >= EXACT_SHARE)
        if not agrees:
            return (
                f"{self.candidate} agrees with {self.reference} by {found.measure}: "
                f"{_with_unit(found.agreement, found.unit, limits.budget.agreement)} of {found.samples} samples, "
                f"{least} needed{self._beside()}"
            )
        if found.quality is None or found.reference_quality is None:
            return None
        lost = found.reference_quality - found.quality
        if lost > drop:
            return f"{self.candidate} loses {lost:.2f} points of {found.quality_name}, at most {drop} allowed"
        return None

    def _beside(self) -> str:
        """Return the quality of both, where it is known: a file may answer otherwise and be as good."""
        found = self.figures
        if found.quality is None or found.reference_quality is None:
            return ""
        return f" ({found.quality_name} {found.quality:.2f}, of {self.reference} {found.reference_quality:.2f})"


def check(budget: Budget) -> None:
    """Raise InputError unless both limits of the budget are valid numbers."""
    if not 0 <= budget.agreement <= 100:
        raise InputError(f"the least agreement must be 0 to 100 (percent, dB or cosine), got {budget.agreement}")
    if math.isnan(budget.drop):
        raise InputError(f"the most lost points of quality must be a number, got {budget.drop}")


def of_twins(budget: Budget, unit: str) -> Budget:
    """Return the budget of an ONNX file against its TFLite file: a quarter of the disagreement of ``budget``.

    Args:
        budget: the task's budget against the model.
        unit: the unit of the agreement: ``%``, ``dB`` or nothing for a cosine.
    """
    if unit == "dB":
        return budget._replace(agreement=budget.agreement + 10 * math.log10(4))
    whole = 100.0 if unit == "%" else 1.0
    return budget._replace(agreement=whole - (whole - budget.agreement) / 4)


def gate(comparisons: Sequence[Comparison], limits: Sequence[Limits]) -> None:
    """Raise GateFailed with one line per comparison that exceeds its limits."""
    found = [c.complaint(limit) for c, limit in zip(comparisons, limits, strict=True)]
    if complaints := [line for line in found if line]:
        raise GateFailed("; ".join(complaints))


def _with_unit(value: float, unit: str, beside: float | None = None) -> str:
    """Return a value with its unit, in more digits where it would look like the one beside it."""
    if unit == "%":
        alike = beside is not None and value != beside and f"{value:.2f}" == f"{beside:.2f}"
        return f"{value:.4f} %" if alike else f"{value:.2f} %"
    return f"{value:.4g} {unit}".strip()
