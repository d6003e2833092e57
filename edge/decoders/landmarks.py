"""Landmarks as vectors of coordinates, as MediaPipe's face, iris and hand networks give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edge.decoders.activations import sigmoid
from edge.decoders.base import Ends, Floats, Poses, Recognized
from edge.decoders.heads import Size, input_size, poses, size_of_input, unchecked, with_scores_of_one
from edge.decoders.parameters import choice, whole
from edge.errors import InputError
from edge.signature import Output, Signature, TaskSpec, describe
from edge.tensors import Outputs, TensorSpec


@dataclass(frozen=True)
class Published:
    """One of MediaPipe's landmark networks.

    Attributes:
        name: what it finds.
        size: of its input, in pixels.
        lengths: how many numbers its outputs have, in rising order.
    """

    name: str
    size: Size
    lengths: tuple[int, ...]


PUBLISHED = (
    Published("MediaPipe's 71 points of an eye's contour and 5 of its iris", (64, 64), (15, 213)),
    Published("MediaPipe's 468 points of a face and its presence", (192, 192), (1, 1404)),
)


class Landmarks:
    """Decodes outputs with the role ``points``, each one set of points, and at most one ``scores``, of one number.

    A set is k times x, y, or x, y, z; each set is a part of the one instance, in the order of the outputs. z is left
    out. The score says whether the object is there at all; without one it is 1.

    Parameters:
        dimensions: how many numbers a point has, 3 (default) or 2.
        coordinates: ``pixels`` of the input (default) or ``fractions`` of it.
        activation: what is still to be applied to the score, ``sigmoid`` (default) or ``none``.
    """

    task: ClassVar[str] = "keypoints"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "landmarks")
        self._dimensions = whole(parameters, "dimensions", 3, 2, 3)
        self._fractions = choice(parameters, "coordinates", "pixels", ("pixels", "fractions")) == "fractions"
        self._sigmoid = choice(parameters, "activation", "sigmoid", ("sigmoid", "none")) == "sigmoid"
        self._sets, self._score = signature.with_role("points"), signature.with_role("scores")
        lengths = [_length(output) for output in self._sets]
        if not lengths or any(length % self._dimensions or not length for length in lengths):
            raise InputError(
                f"decoder landmarks takes vectors of {self._dimensions} numbers a point, the parameter dimensions says "
                f"how many; got {describe(signature.outputs)}"
            )
        if len(self._score) > 1 or any(_length(output) != 1 for output in self._score):
            raise InputError(f"decoder landmarks takes at most one score, got {describe(self._score)}")
        self.points: int = sum(lengths) // self._dimensions
        self.parts = {
            output.name: length // self._dimensions for output, length in zip(self._sets, lengths, strict=True)
        }

    def __call__(self, outputs: Outputs) -> Poses:
        """See PoseDecoder."""
        with unchecked():
            sets = [outputs[output.name].real.reshape(-1, self._dimensions)[:, :2] for output in self._sets]
            xy = np.concatenate(sets)
            if self._fractions:
                xy = xy * np.asarray(self._size, np.float32)
            return poses(with_scores_of_one(xy)[None], self._presence(outputs))

    def _presence(self, outputs: Outputs) -> Floats:
        if not self._score:
            return np.ones(1, np.float32)
        value = outputs[self._score[0].name].real.reshape(1)
        return sigmoid(value) if self._sigmoid else value


def _length(output: Output | TensorSpec) -> int:
    """Return how many numbers a vector has, 0 for what has more than one axis beside axes of 1."""
    longest = max(output.shape, default=1)
    return longest if int(np.prod(output.shape)) == longest else 0


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder: vectors are points, and a single number beside them is the score, unless there are several."""
    lengths = [_length(output) for output in outputs]
    if not any(length > 1 for length in lengths) or 0 in lengths:
        raise InputError(
            f"decoder landmarks takes vectors of coordinates and at most one score, got {describe(outputs)}"
        )
    single = "scores" if lengths.count(1) == 1 else "tensor"
    return tuple(single if length == 1 else "points" for length in lengths)


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: by the exact sizes of published networks, because scores of classes are vectors, too."""
    size, lengths = size_of_input(inputs), tuple(sorted(_length(output) for output in outputs))
    for network in PUBLISHED:
        if (size, lengths) == (network.size, network.lengths):
            return Recognized(
                TaskSpec("keypoints", "landmarks", {"dimensions": 3}),
                roles(outputs),
                network.name,
                {"colour": "RGB", "mean": (0.0,), "std": (255.0,)},
            )
    return None
