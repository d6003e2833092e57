"""Samples for calibration and verification: what a network is given, and what is known of it.

They are made as a device makes them: pictures go through ``edge.imaging.Preprocessor``, so that ranges are fitted to
and qualities measured on what the network will see. They are decoded as they are needed, however many there are.
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
"""Takes (n,) class numbers of all samples and returns the rows that are wanted, in order."""

CALIBRATION = ("train", "validation", "test")
VERIFICATION = ("test", "validation", "train")
"""Parts of a data set; the first one that it has is taken."""


@dataclass(frozen=True)
class Sample:
    """One sample.

    Attributes:
        id: what it is called.
        inputs: by input name, batch 1, real values; tokens and other whole numbers as they are.
        placement: where the picture lies in the input; None for tensors.
        truth: what is known of it, in the form that the task's docstring states; None if nothing is.
    """

    id: str
    inputs: Mapping[str, Array]
    placement: Placement | None = None
    truth: Any | None = None


@dataclass(frozen=True)
class Samples:
    """The samples that were chosen of a data set.

    Attributes:
        ids: what each is called.
        read: yields each, in order; None for one that cannot be decoded.
        noun: what one is called in messages.
        notes: what was assumed, a line each.
    """

    ids: tuple[str, ...]
    read: Callable[[], Iterator[Sample | None]]
    noun: str = "image"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What samples are for.

    Attributes:
        signature: of the network.
        specs: the model's own inputs, by name; those of a finished file may be quantized.
        labels: class names in the network's order; empty when nobody gave any.
        record: of the training, if there is one.
        folder: where the model and what belongs to it lie.
    """

    signature: Signature
    specs: Mapping[str, TensorSpec]
    labels: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def classifies(self) -> bool:
        """Whether the class of a sample is the truth that the task compares with."""
        return self.signature.task.name == "classify"

    @property
    def name(self) -> str:
        """The name of the only input."""
        return self.signature.inputs[0].name

    def classes(self, found: Sequence[str], root: Path) -> NDArray[np.int64]:
        """Return the network's class for each of a data set's labels; its own order where the network has none.

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


def part(splits: Mapping[str, Any], wanted: Sequence[str], root: Path) -> Any:
    """Return the first of the wanted parts that a data set has. Raises InputError when it has none."""
    name = next((name for name in wanted if splits.get(name)), None)
    if name is None:
        raise InputError(f"data set {root} must have {' or '.join(wanted)}, it has {', '.join(splits) or 'nothing'}")
    return splits[name]


def unlabelled(count: int) -> NDArray[np.int64]:
    """Return the classes of samples without any: all of one."""
    return np.zeros(count, np.int64)
