"""The interface of every task: what a network's outputs mean, how that is shown, and how two answers compare.

A task owns its parameters in the manifest (``Signature.task.parameters``). The conversion's gate, the loop, the
sinks and the benchmark look a task up by its name; none of them knows a task.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

from edge.imaging import Image
from edge.placement import Placement
from edge.results import Result
from edge.signature import Signature
from edge.tensors import Outputs


@dataclass(frozen=True)
class Budget:
    """What a quantized file may lose against its model.

    Attributes:
        agreement: the least value of ``Figures.agreement``.
        drop: the most that ``Figures.quality`` may fall, in its own unit.
    """

    agreement: float
    drop: float


@dataclass(frozen=True)
class Figures:
    """How a candidate's answers compare with a reference's, over all samples.

    Attributes:
        samples: how many inputs were compared.
        measure: what ``agreement`` counts, such as "top-1" or "boxes matched at IoU 0.7".
        agreement: larger is better.
        unit: the unit of ``agreement``, "%" or "dB", or nothing.
        max_error: the largest absolute difference of any output value.
        snr: signal-to-noise ratio of all output values, in dB; infinite when they are equal.
        quality_name: what is measured against the truth, such as "accuracy" or "mAP"; None without truth.
        quality: of the candidate, in percent or in the quantity's unit.
        reference_quality: of the reference.
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
    details: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the record's form; an infinite value is null."""
        return {key: _finite(value) for key, value in asdict(self).items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Comparer(Protocol):
    """Collects pairs of answers, sample by sample, and says how they compare."""

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        """Take in one sample.

        Args:
            reference: the model's outputs, by the signature's names.
            candidate: the converted file's outputs, by the same names.
            placement: where the picture lies in the input; None for tensors.
            truth: what is known of the sample, in the form that the task's docstring states; None if nothing is.
        """
        ...

    def figures(self) -> Figures:
        """Return the comparison. Raises InputError when nothing was added."""
        ...


class Task(Protocol):
    """Pure numpy and OpenCV: outputs in, a Result out; nothing about the frame's time is known here.

    Attributes:
        name: the row in ``edge.tasks.TASKS``.
        budget: what an int8 file may lose when nobody says.
        joins_tiles: whether the result is a mask or a picture, which can be joined from windows (``edge.tiles``).
    """

    name: ClassVar[str]
    budget: ClassVar[Budget]
    joins_tiles: ClassVar[bool] = False

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        """Read the task's parameters and check that the outputs fit them.

        Args:
            signature: of the network.
            labels: class names in the network's order; None numbers them.
            origin: where the labels came from, for messages.

        Raises:
            InputError: a parameter, a shape or the number of labels does not fit; both sides are in the message.
        """
        ...

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """Return what the outputs mean.

        Args:
            outputs: one run's outputs by the signature's names.
            placement: where the frame lies in the input, for results in the frame's pixels; None for tensors.
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
        """Return the task's part of the JSON form; JSON values only."""
        ...

    @staticmethod
    def line(result: Result) -> str:
        """Return what a person reads of a result, in one line: ``cat 98% | dog 1%``."""
        ...
