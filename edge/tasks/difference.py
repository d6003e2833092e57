"""The difference of two files' outputs in figures of every task: largest difference and signal-to-noise ratio."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.errors import GateFailed, InputError
from edge.tasks.base import Figures
from edge.tensors import Outputs, Tensor


class Difference:
    """Collects differences, sample by sample.

    Integer outputs, such as class numbers, count only when the network has no outputs of real values.

    Attributes:
        samples: the number of samples that were added.
        max_error: the largest absolute difference of any value.
    """

    def __init__(self) -> None:
        self.samples, self.max_error = 0, 0.0
        self._discrete = False
        self._signal: dict[str, float] = {}
        self._noise: dict[str, float] = {}

    def add(self, reference: Outputs, candidate: Outputs) -> None:
        """Add one sample. Raises GateFailed for outputs with different shapes, or that are not finite."""
        self._discrete = not any(_is_real(tensor) for tensor in reference.values())
        for name in _measured(reference):
            expected, got = reference[name].real, candidate[name].real
            if got.shape != expected.shape:
                raise GateFailed(
                    f"output {name!r} must have the shape {expected.shape} of the reference, got {got.shape}"
                )
            for whose, values in (("the reference's", expected), ("the candidate's", got)):
                if not np.isfinite(values).all():
                    raise GateFailed(f"{whose} output {name!r} has values that are not finite")
            difference = np.subtract(got, expected, dtype=np.float64)
            self.max_error = max(self.max_error, float(np.abs(difference).max(initial=0.0)))
            self._signal[name] = self._signal.get(name, 0.0) + float(np.sum(np.square(expected, dtype=np.float64)))
            self._noise[name] = self._noise.get(name, 0.0) + float(np.sum(np.square(difference)))
        self.samples += 1

    @property
    def snr(self) -> float:
        """The signal-to-noise ratio of all values, in dB. It is infinite when they are equal."""
        return decibel(sum(self._signal.values()), sum(self._noise.values()))

    @property
    def lowest_snr(self) -> float:
        """The lowest signal-to-noise ratio of any output, in dB."""
        return min((decibel(self._signal[name], self._noise[name]) for name in self._signal), default=math.inf)

    def figures(
        self,
        measure: str,
        agreement: float,
        unit: str = "%",
        quality: tuple[str, float, float] | None = None,
        details: Mapping[str, float] | None = None,
    ) -> Figures:
        """Return the comparison with the task's figures. Finite numbers are rounded to four digits.

        Args:
            measure, agreement, unit: see Figures.
            quality: its name, then of the candidate and of the reference; None without truth.
            details: see Figures.

        Raises:
            InputError: nothing was added.
        """
        if not self.samples:
            raise InputError("a comparison needs at least one sample, got none")
        name, got, expected = quality or (None, None, None)
        return Figures(
            samples=self.samples,
            measure=measure,
            agreement=_rounded(agreement),
            unit=unit,
            max_error=self.max_error,
            snr=_rounded(self.snr),
            quality_name=name,
            quality=None if got is None else _rounded(got),
            reference_quality=None if expected is None else _rounded(expected),
            discrete=self._discrete,
            details={key: _rounded(value) for key, value in (details or {}).items()},
        )


def decibel(signal: float, noise: float) -> float:
    """Return 10 log10(signal / noise) of two sums of squares: inf without noise, -inf without signal."""
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 else -math.inf


class Share:
    """Counts parts of a whole, and returns their share."""

    def __init__(self) -> None:
        self.part, self.whole = 0.0, 0.0

    def add(self, part: float, whole: float = 1.0) -> None:
        """Count ``part`` of ``whole``."""
        self.part += float(part)
        self.whole += float(whole)

    @property
    def percent(self) -> float:
        """The share in percent. It is 100 when nothing was counted."""
        return 100.0 * self.part / self.whole if self.whole else 100.0


def quality(name: str, candidate: Share, reference: Share) -> tuple[str, float, float] | None:
    """Return the quality for ``Difference.figures``, or None when no sample had a truth."""
    return (name, candidate.percent, reference.percent) if candidate.whole else None


def _measured(outputs: Outputs) -> list[str]:
    real = [name for name, tensor in outputs.items() if _is_real(tensor)]
    return real or list(outputs)


def _is_real(tensor: Tensor) -> bool:
    return tensor.spec.quantization is not None or tensor.raw.dtype.kind == "f"


def _rounded(value: Any) -> float:
    return round(float(value), 4) if math.isfinite(value) else float(value)
