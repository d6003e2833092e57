"""Landmarks as vectors of coordinates, as MediaPipe's face, iris, hand and pose networks give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from edge import graph_end
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
        outputs: how many numbers each output has, in the order in which the network gives them.
        roles: what each output is; numbers of other tasks are ``tensor``.
        parameters: the decoder's parameters.
        resize: how a picture is fitted to its input.
    """

    name: str
    size: Size
    outputs: tuple[int, ...]
    roles: tuple[str, ...]
    parameters: tuple[tuple[str, int], ...] = (("dimensions", 3),)
    resize: str = "stretch"

    def matched(self, sizes: Sequence[int]) -> tuple[str, ...] | None:
        """Return the role of each output of a file, by its size; of equal sizes the order tells. None if none fits."""
        if sorted(sizes) != sorted(self.outputs):
            return None
        rest = list(zip(self.outputs, self.roles, strict=True))
        found = []
        for size in sizes:
            row = next(row for row in rest if row[0] == size)
            rest.remove(row)
            found.append(row[1])
        return tuple(found)


PUBLISHED = (
    Published(
        "71 points of an eye's contour and 5 of its iris",
        (64, 64),
        (213, 15),
        ("points", "points"),
        resize="letterbox",
    ),
    Published("468 points of a face and its presence", (192, 192), (1404, 1), ("points", "scores")),
    Published(
        "21 points of a hand, its presence, which hand it is and its points in metres",
        (224, 224),
        (63, 1, 1, 63),
        ("points", "scores", "tensor", "tensor"),
        resize="letterbox",
    ),
    Published(
        "33 points of a body, its presence, its mask, heat maps and its points in metres",
        (256, 256),
        (195, 1, 256 * 256, 64 * 64 * 39, 117),
        ("points", "scores", "tensor", "tensor", "tensor"),
        (("dimensions", 5), ("count", 33)),
        "letterbox",
    ),
)


class Landmarks:
    """Decodes outputs with the role ``points``, each one set of points, and at most one ``scores``, of one number.

    A set is k times x, y, or x, y, z, or x, y, z and logits of the point's visibility and presence; each set is a part
    of the one instance, in the order of the outputs. z is left out. A point's score is its visibility, or 1. The score
    of the instance says whether the object is there at all; without one it is 1.

    Parameters:
        dimensions: how many numbers a point has, 3 (default), 2 or 5.
        count: how many points of each set are taken, the first ones (default all).
        coordinates: ``pixels`` of the input (default) or ``fractions`` of it.
        activation: what is still to be applied to the score, ``sigmoid`` (default) or ``none``.
    """

    task: ClassVar[str] = "keypoints"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "landmarks")
        self._dimensions = whole(parameters, "dimensions", 3, 2, 5)
        if self._dimensions == 4:
            raise InputError("parameter dimensions must be 2, 3 or 5, got 4")
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
        most = min(lengths) // self._dimensions
        self._count = whole(parameters, "count", most, 1, most) if "count" in parameters else None
        counts = [self._count or length // self._dimensions for length in lengths]
        self.points: int = sum(counts)
        self.parts = {output.name: count for output, count in zip(self._sets, counts, strict=True)}
        self.logits = tuple(output.name for output in self._score if self._sigmoid)

    def __call__(self, outputs: Outputs) -> Poses:
        """See PoseDecoder."""
        with unchecked():
            sets = [outputs[output.name].real.reshape(-1, self._dimensions)[: self._count] for output in self._sets]
            rows = np.concatenate(sets)
            xy = rows[:, :2] * np.asarray(self._size if self._fractions else (1, 1), np.float32)
            points = with_scores_of_one(xy)
            if self._dimensions == 5:
                points[:, 2] = sigmoid(rows[:, 3])
            return poses(points[None], self._presence(outputs))

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
    size, sizes = size_of_input(inputs), [int(np.prod(output.shape)) for output in outputs]
    for network in PUBLISHED:
        found = network.matched(sizes) if size == network.size else None
        if found is None:
            continue
        parameters: dict[str, Any] = dict(network.parameters)
        if "scores" in found and ends[found.index("scores")] == graph_end.SIGMOID:
            parameters["activation"] = "none"
        return Recognized(
            TaskSpec("keypoints", "landmarks", parameters),
            found,
            f"MediaPipe's {network.name}",
            {"colour": "RGB", "mean": (0.0,), "std": (255.0,), "resize": network.resize},
        )
    return None
