"""The interfaces of decoders: from a network's raw outputs to candidates in the pixels of its input. Pure numpy.

A decoder is made for one signature: its constructor reads the task's parameters, finds the outputs by their roles,
and refuses, with the numbers on both sides, what does not fit. What follows decoding is the same for all detectors and
stands in ``edge.decoders.select``: score threshold, suppression, and the way back to the frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

Floats = NDArray[np.float32]

LARGEST_COORDINATE = 1e7
"""Pixels; what is larger comes from a broken network, and its area could overflow."""


class Candidates(NamedTuple):
    """Everything that a detector's head says, before any threshold.

    Attributes:
        boxes: (n, 4) float32, x0, y0, x1, y1 in pixels of the network's input; they may reach beyond it.
        scores: (n, classes) float32, 0 to 1, without a background column.
        points: (n, k, 3) float32, x, y in pixels of the input and a score (1 where the head gives none); or None.
        suppressed: whether the graph has already removed boxes that overlap better ones.
    """

    boxes: Floats
    scores: Floats
    points: Floats | None = None
    suppressed: bool = False


class Poses(NamedTuple):
    """Keypoints of one or more instances.

    Attributes:
        points: (instances, k, 3) float32, x, y in pixels of the network's input and a score, 0 to 1.
        scores: (instances,) float32, 0 to 1.
        boxes: (instances, 4) float32, x0, y0, x1, y1 in pixels of the input; None where the head gives none.
    """

    points: Floats
    scores: Floats
    boxes: Floats | None = None


class Decoder(Protocol):
    """Makes candidates of a detector's outputs.

    Attributes:
        classes: how many columns the candidates' scores have, without a background; None where only a run tells.
        labels: names of the classes, for a head that was published for one kind of object; a decoder need not have it.
        logits: names of the outputs that the decoder takes the sigmoid of, and does nothing else with. A decoder need
            not have it. Pose decoders may have it, too.
        largest: the largest absolute value that a box in the picture has, of outputs by name. A decoder need not have
            it.
    """

    classes: int | None

    def __init__(self, signature: Signature) -> None:
        """Read the parameters. Raises InputError, with the numbers on both sides, when they do not fit the outputs."""
        ...

    def __call__(self, outputs: Outputs) -> Candidates:
        """Return the candidates of one run.

        Args:
            outputs: by the signature's names, as the network gave them.
        """
        ...


class PoseDecoder(Protocol):
    """Makes keypoints of a pose or landmark network's outputs.

    Attributes:
        points: how many keypoints an instance has.
        parts: for heads whose points come in several sets, the length of each set by its name; a decoder without the
            attribute has one set.
    """

    points: int

    def __init__(self, signature: Signature) -> None:
        """See Decoder."""
        ...

    def __call__(self, outputs: Outputs) -> Poses:
        """Return the keypoints of one run.

        Args:
            outputs: by the signature's names, as the network gave them.
        """
        ...


@dataclass(frozen=True)
class Recognized:
    """What a bare file was found to be.

    Attributes:
        task: the task with decoder and parameters.
        roles: the role of each output, in the file's order.
        reason: what it was told by, one clause for a message: "896 anchors in two outputs".
        input: what the network is known to expect of pixels, fields of ``InputFormat`` such as mean and std.
    """

    task: TaskSpec
    roles: tuple[str, ...]
    reason: str
    input: Mapping[str, Any] | None = None


Ends = Sequence[str | None]
"""The last operation of each output as ``edge.graph_end`` names it: "softmax", "sigmoid", …; None where unknown."""


class Recognizer(Protocol):
    """Tells from shapes, names and last operations whether a file has a decoder's head.

    Every decoder's module has one, called ``recognize``.
    """

    def __call__(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
        """Return None when the outputs are not this head's, or could as well be another's."""
        ...


class RoleFinder(Protocol):
    """Says which output of a file is which, for a decoder that somebody named; every module has one, called ``roles``.

    Unlike a recognizer it may take for granted that the file has the decoder's head.
    """

    def __call__(self, outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
        """Return the role of each output, in the file's order. Raises InputError when they are no such head."""
        ...
