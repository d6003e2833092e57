"""Embeddings are vectors that are near for two pictures of the same object, and distant for different objects."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decoders.parameters import flag
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Result
from edge.signature import Signature
from edge.tasks import json_form, lettering
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference
from edge.tasks.parameters import Parameters
from edge.tasks.shapes import vector_length
from edge.tensors import Outputs

Floats = NDArray[np.float32]


class Embed(Task):
    """Decodes the output with the role ``embedding``, which is one vector.

    Parameters in the manifest:
        normalize: whether the vector is divided by its length, so that a dot product is the cosine (default true).

    A sample has no truth, because only pairs of samples can show the same object.
    """

    name: ClassVar[str] = "embed"
    budget: ClassVar[Budget] = Budget(0.99, 0.0)
    takes_labels: ClassVar[bool] = False

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        signature.only("embedding")
        output = signature.one("embedding")
        vector_length(output, self.name)
        self._output = output.name
        given = Parameters(signature)
        self._normalize = flag(given, "normalize", True)
        given.finish()

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task. A vector of length 0, or with a value that is not finite, is not normalized."""
        vector = outputs[self._output].real.ravel()
        wide = vector.astype(np.float64)  # float64, so that squares do not overflow
        length = float(np.linalg.norm(wide))
        if self._normalize and 0 < length < np.inf:
            vector = (wide / length).astype(np.float32)
        return Result(self.name, embedding=vector)

    def comparer(self) -> Comparer:
        """See Task: the mean cosine of the angle between the two vectors, with the lowest as a detail."""
        return _Cosines(self._output)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: the values as a strip of colours at the lower edge, blue for negative and red for positive."""
        lettering.lines(image, [Embed.line(result)])
        vector = result.embedding
        if vector is None or not vector.size or not np.isfinite(vector).all():
            return
        height = max(1, image.shape[0] // 16)
        level = np.clip(vector / max(float(np.abs(vector).max()), 1e-12), -1, 1)
        cells = np.clip(128 + 127 * np.stack([-level, -np.abs(level), level], axis=-1), 0, 255).astype(np.uint8)
        image[-height:] = cv2.resize(cells[None], (image.shape[1], height), interpolation=cv2.INTER_NEAREST)

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        named = {"results": json_form.predictions(result.predictions)} if result.predictions else {}
        return {"embedding": [] if result.embedding is None else json_form.numbers(result.embedding), **named}

    @staticmethod
    def line(result: Result) -> str:
        """See Task: the names of a gallery, or else the first values, which show that the vector changes."""
        if result.predictions:
            return " | ".join(one.caption for one in result.predictions)
        vector = np.zeros(0) if result.embedding is None else result.embedding
        some = " ".join(f"{value:.2f}" for value in vector[:4])
        return f"embedding of {vector.size}: {some}{' ..' if vector.size > 4 else ''}"


class _Cosines(Comparer):
    def __init__(self, output: str) -> None:
        self._output, self._difference = output, Difference()
        self._total, self._lowest = 0.0, 1.0

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        value = cosine(reference[self._output].real, candidate[self._output].real)
        self._total += value
        self._lowest = min(self._lowest, value)

    def figures(self) -> Figures:
        mean = self._total / max(1, self._difference.samples)
        return self._difference.figures("mean cosine", mean, "", details={"lowest cosine": self._lowest})


def cosine(first: Floats, second: Floats) -> float:
    """Return the cosine of the angle between two vectors, from -1 to 1. It is 1 for two zero vectors."""
    a, b = first.ravel().astype(np.float64), second.ravel().astype(np.float64)
    if np.array_equal(a, b):
        return 1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1, 1)) if lengths > 0 else 0.0
