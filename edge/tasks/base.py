"""The interface of all tasks. A task decodes outputs, shows results, and compares the outputs of two networks.

A task owns its parameters in the manifest (``Signature.task.parameters``). The conversion's gate, the loop, the
sinks and the benchmark look a task up by its name, and contain no code for single tasks.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol

from edge.imaging import Image
from edge.placement import Placement
from edge.results import Result
from edge.signature import Signature
from edge.tensors import Outputs


class Budget(NamedTuple):
    """The limits for a quantized file in comparison with its model.

    Attributes:
        agreement: the least value of ``Figures.agreement``.
        drop: the largest decrease of ``Figures.quality``, in its unit.
    """

    agreement: float
    drop: float


class Figures(NamedTuple):
    """The comparison of a candidate with a reference over all samples.

    Attributes:
        samples: the number of samples.
        measure: the measure of ``agreement``, such as "top-1" or "boxes matched at IoU 0.7".
        agreement: the agreement; larger is better.
        unit: the unit of ``agreement``: "%", "dB" or nothing.
        max_error: the largest absolute difference of any output value.
        snr: the signal-to-noise ratio of all output values, in dB. It is infinite when they are equal.
        quality_name: the measure against the truth, such as "accuracy" or "mAP". None without truths.
        quality: the candidate's quality, in percent or in the quantity's unit. None without truths.
        reference_quality: the reference's quality.
        discrete: whether all outputs are whole numbers, such as class numbers, of which no signal-to-noise ratio tells
            how near they are.
        details: further figures by name, with their unit, such as "mean distance, % of the diagonal".
    """

    samples: int
    measure: str
    agreement: float
    unit: str
    max_error: float
    snr: float
    quality_name: str | None = None
    quality: float | None = None
    reference_quality: float | None = None
    discrete: bool = False
    details: Mapping[str, float] = MappingProxyType({})

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for records. An infinite value becomes null."""
        return {key: _finite(value) for key, value in self._asdict().items()}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Comparer(Protocol):
    """Collects the outputs of two networks, sample by sample, and compares them."""

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        """Add one sample.

        Args:
            reference: the model's outputs, by the signature's names.
            candidate: the converted file's outputs, by the same names.
            placement: where the picture lies in the input. None for other inputs.
            truth: the true answer, in the form that the task's docstring states. None when it is unknown.
        """
        ...

    def figures(self) -> Figures:
        """Return the comparison. Raises InputError when no sample was added."""
        ...


class Task(Protocol):
    """Turns outputs into a Result, with numpy and OpenCV alone. It does not set the time and source of the frame.

    Attributes:
        name: the name in ``edge.tasks.TASKS``.
        budget: the default limits for an int8 file.
        takes_labels: whether labels name something of its results.
        gives_boxes: whether its predictions are objects with boxes, which another network can look at.
        joins_tiles: whether the result is a mask or a picture, which can be joined from windows (``edge.tiles``).
    """

    name: ClassVar[str]
    budget: ClassVar[Budget]
    gives_boxes: ClassVar[bool] = False
    joins_tiles: ClassVar[bool] = False
    takes_labels: ClassVar[bool] = True

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        """Read the task's parameters and check that the outputs fit them.

        Args:
            signature: the network's signature.
            labels: the class names in the network's order. None names classes by their numbers.
            origin: where the labels come from, for messages.

        Raises:
            InputError: a parameter, a shape or the number of labels does not fit.
        """
        ...

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """Turn outputs into a result.

        Args:
            outputs: the outputs of one run, by the signature's names.
            placement: where the frame lies in the input, for results in the frame's pixels. None for other inputs.
        """
        ...

    def comparer(self) -> Comparer:
        """Return a new, empty comparison."""
        ...

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """Draw a result of this task into ``image``, (height, width, 3) uint8 BGR, in place."""
        ...

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """Return the task's part of the JSON form."""
        ...

    @staticmethod
    def line(result: Result) -> str:
        """Return one line of text for the user, such as ``cat 98% | dog 1%``."""
        ...
