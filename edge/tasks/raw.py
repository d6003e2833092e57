"""The task ``raw`` returns outputs as they are, for networks that no other task can read."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from edge.imaging import Image
from edge.placement import Placement
from edge.results import Result
from edge.signature import Signature
from edge.tasks import json_form, lettering
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference
from edge.tasks.parameters import Parameters
from edge.tensors import Array, Outputs, Tensor


class Raw(Task):
    """Returns every output by name. Quantized outputs become real values; others keep their dtype.

    The task has no parameters, and samples have no truth.
    """

    name: ClassVar[str] = "raw"
    budget: ClassVar[Budget] = Budget(20.0, 0.0)
    takes_labels: ClassVar[bool] = False

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        Parameters(signature).finish()
        self._outputs = tuple(output.name for output in signature.outputs)

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task."""
        return Result(self.name, tensors={name: _values(outputs[name]) for name in self._outputs})

    def comparer(self) -> Comparer:
        """See Task: the signal-to-noise ratio of the output that has the lowest, in dB."""
        return _Noise()

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: a line for each output in the upper left corner."""
        lettering.lines(image, [_summary(name, values) for name, values in result.tensors.items()])

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        return {"tensors": {name: json_form.tensor(values) for name, values in result.tensors.items()}}

    @staticmethod
    def line(result: Result) -> str:
        """See Task."""
        return " | ".join(_summary(name, values) for name, values in result.tensors.items()) or "nothing"


class _Noise(Comparer):
    def __init__(self) -> None:
        self._difference = Difference()

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)

    def figures(self) -> Figures:
        return self._difference.figures("signal-to-noise", self._difference.lowest_snr, "dB")


def _values(tensor: Tensor) -> Array:
    return tensor.raw if tensor.spec.quantization is None else tensor.real


def _summary(name: str, values: Array) -> str:
    """Return name, shape and the range of the values, or the value if there is only one."""
    shape = "x".join(str(size) for size in values.shape)
    if values.size == 1:
        return f"{name} {float(values.ravel()[0]):.4g}"
    if not values.size:
        return f"{name} {shape} empty"
    return f"{name} {shape} {float(np.min(values)):.3g} to {float(np.max(values)):.3g}"
