"""Regression predicts quantities, which have a name and a unit."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Result
from edge.signature import Output, Signature
from edge.tasks import json_form, lettering
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference
from edge.tasks.parameters import Parameters, one_or_each, texts
from edge.tensors import Outputs

Doubles = NDArray[np.float64]


class Regress(Task):
    """Decodes the outputs with the role ``value``: each of their numbers is a quantity.

    Parameters in the manifest:
        names: the names of the quantities, in the order of the numbers (default: names of the outputs, with a number).
        units: the units of the quantities. An empty text means no unit.
        scale, offset: quantity = number * scale + offset, one for all or one for each.

    The truth of a sample is one number for each quantity, in its unit.
    """

    name: ClassVar[str] = "regress"
    budget: ClassVar[Budget] = Budget(20.0, 1.0)
    takes_labels: ClassVar[bool] = False

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        outputs = signature.only("value")
        if not outputs:
            signature.one("value")  # raises an error that lists the outputs
        self._outputs = [output.name for output in outputs]
        names = [name for output in outputs for name in _names(output)]
        count = len(names)
        given = Parameters(signature)
        self.names = texts(given, "names", count) or tuple(names)
        self.units = texts(given, "units", count, empty=True) or ("",) * count
        self._scale = np.asarray(one_or_each(given, "scale", (1.0,), count))
        self._offset = np.asarray(one_or_each(given, "offset", (0.0,), count))
        given.finish()
        if len(set(self.names)) != count:
            raise InputError(f"parameter names of task regress must be different ones, got {', '.join(self.names)}")

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task."""
        values = dict(zip(self.names, self.quantities(outputs).tolist(), strict=True))
        units = {name: unit for name, unit in zip(self.names, self.units, strict=True) if unit}
        return Result(self.name, values=values, units=units)

    def quantities(self, outputs: Outputs) -> Doubles:
        """Return (quantities,) float64, each in its unit."""
        numbers = np.concatenate([outputs[name].real.ravel() for name in self._outputs]).astype(np.float64)
        return np.asarray(numbers * self._scale + self._offset)

    def comparer(self) -> Comparer:
        """See Task: signal-to-noise in dB; against the truth the coefficient of determination, in percent."""
        return _Errors(self)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: a line for each quantity in the upper left corner."""
        lettering.lines(image, _lines(result))

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        values = {name: json_form.number(value) for name, value in result.values.items()}
        return {"values": values, "units": dict(result.units)}

    @staticmethod
    def line(result: Result) -> str:
        """See Task: ``temperature 21.3 C | humidity 40 %``."""
        return " | ".join(_lines(result)) or "nothing"


class _Errors(Comparer):
    def __init__(self, task: Regress) -> None:
        self._task, self._difference = task, Difference()
        self._apart: list[Doubles] = []
        self._known: list[tuple[Doubles, Doubles, Doubles]] = []

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        expected, got = self._task.quantities(reference), self._task.quantities(candidate)
        self._apart.append(np.abs(got - expected))
        if truth is None:
            return
        true = np.asarray(truth, np.float64).ravel()
        if true.shape != expected.shape:
            raise InputError(
                f"the truth must have {expected.size} numbers, {', '.join(self._task.names)}; got {true.size}"
            )
        self._known.append((true, expected, got))

    def figures(self) -> Figures:
        details = self._named("mean difference", np.mean(self._apart, axis=0)) if self._apart else {}
        known = None
        if self._known:
            true, expected, got = (np.stack(rows) for rows in zip(*self._known, strict=True))
            details |= self._named("mean absolute error", np.abs(got - true).mean(axis=0))
            known = ("R2", 100 * determination(true, got), 100 * determination(true, expected))
            known = None if np.isnan(known[1]) else known
        return self._difference.figures("signal-to-noise", self._difference.snr, "dB", known, details)

    def _named(self, what: str, values: Doubles) -> dict[str, float]:
        rows = zip(self._task.names, self._task.units, values.tolist(), strict=True)
        return {f"{what} of {name}{f', {unit}' if unit else ''}": value for name, unit, value in rows}


def determination(true: Doubles, predicted: Doubles) -> float:
    """Return the coefficient of determination R2 = 1 - sum((y - f)^2) / sum((y - mean y)^2), 1 for a perfect fit.

    Args:
        true: the true values (samples, quantities).
        predicted: the predicted values, in the same shape.

    Returns:
        The mean over the quantities whose true values vary. It is NaN when there is none.
    """
    rest = np.square(true - predicted).sum(axis=0)
    spread = np.square(true - true.mean(axis=0)).sum(axis=0)
    there = spread > 0
    return float(np.mean(1 - rest[there] / spread[there])) if there.any() else float("nan")


def _names(output: Output) -> list[str]:
    count = int(np.prod(output.shape))
    return [output.name] if count == 1 else [f"{output.name} {number}" for number in range(count)]


def _lines(result: Result) -> list[str]:
    return [f"{name} {value:.4g} {result.units.get(name, '')}".rstrip() for name, value in result.values.items()]
