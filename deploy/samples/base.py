"""A sample holds the inputs for one run of a network and, where it is known, the true answer.

Samples serve calibration and verification. They are preprocessed as on a device (pictures by
``edge.imaging.Preprocessor``), so that ranges and quality are measured on what the network will see there. Each sample
is decoded when it is needed, so that a data set need not fit in memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.placement import Placement
from edge.signature import Signature
from edge.tensors import Array, TensorSpec

Choice = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""A function that takes the class numbers (n,) of all samples and returns the indices of the chosen ones, in order."""

CALIBRATION = ("train", "validation", "test")
VERIFICATION = ("test", "validation", "train")
"""Names of the parts of a data set, in order of preference. The first part that the data set has is used."""


@dataclass(frozen=True)
class Sample:
    """The inputs for one run of a network, and the true answer.

    Attributes:
        id: the sample's name in messages.
        inputs: arrays by input name, with batch size 1. They hold real values; whole numbers, such as tokens, keep
            their dtype.
        placement: where the picture lies in the input. None for other inputs.
        truth: the true answer in the form that the task's docstring states. None when it is unknown.
    """

    id: str
    inputs: Mapping[str, Array]
    placement: Placement | None = None
    truth: Any | None = None


@dataclass(frozen=True)
class Samples:
    """The samples that were chosen from a data set.

    Attributes:
        ids: the name of each sample.
        read: returns an iterator over the samples, in order. It yields None for a sample that cannot be decoded.
        noun: the word for one sample in messages.
        notes: lines for the user that say what was assumed.
        classes: the names of the data set's classes in sorted order. Empty where it has none.
    """

    ids: tuple[str, ...]
    read: Callable[[], Iterator[Sample | None]]
    noun: str = "image"
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkInfo:
    """What a reader of samples must know of the network.

    Attributes:
        signature: the network's signature.
        specs: the model's inputs by name. Those of a finished file may be quantized.
        labels: the class names in the network's order. Empty when they are unknown.
        record: the training record. Empty when there is none.
        folder: the folder of the model's file, which may also hold a vocabulary. None when there is no file.
    """

    signature: Signature
    specs: Mapping[str, TensorSpec]
    labels: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def classifies(self) -> bool:
        """Whether the network's task is classification, so that a sample's class is its truth."""
        return self.signature.task.name == "classify"

    @property
    def name(self) -> str:
        """The name of the first input, for networks with one input."""
        return self.signature.inputs[0].name

    def classes(self, found: Sequence[str], root: Path) -> NDArray[np.int64]:
        """Return the network's class number for each label of a data set.

        Args:
            found: the data set's labels. They keep their order when the network has no labels.
            root: the data set's path, for messages.

        Raises:
            InputError: a label is not one of the network's.
        """
        if not self.labels:
            return np.arange(len(found))
        if strangers := [label for label in found if label not in self.labels]:
            raise InputError(
                f"data set {root}: the class {strangers[0]!r} is not one of the model's labels: "
                f"{', '.join(self.labels)}"
            )
        return np.asarray([self.labels.index(label) for label in found], np.int64)


def part(splits: Mapping[str, Any], names: Sequence[str], root: Path) -> Any:
    """Return the part of a data set that is used.

    Args:
        splits: the data set's parts by name.
        names: CALIBRATION or VERIFICATION; the first name that the data set has is used.
        root: the data set's path, for messages.

    Raises:
        InputError: the data set has none of these parts.
    """
    name = next((name for name in names if splits.get(name)), None)
    if name is None:
        raise InputError(f"data set {root} must have {' or '.join(names)}, it has {', '.join(splits) or 'nothing'}")
    return splits[name]


def unlabelled(count: int) -> NDArray[np.int64]:
    """Return the class numbers (count,) of samples without classes: all are 0."""
    return np.zeros(count, np.int64)
