"""The face detectors of Ultra-Light-Fast-Generic-Face-Detector-1MB, "RFB" and "slim".

https://github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB: an SSD whose priors are squares of fixed sizes in
pixels, in files with and without the decoding in the graph.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from edge.decoders import anchors as boxes_of
from edge.decoders.activations import probabilities
from edge.decoders.anchors import Boxes
from edge.decoders.base import Candidates, Ends, Recognized
from edge.decoders.heads import (
    Size,
    boxes_and_scores,
    grid_sizes,
    input_size,
    pixels_of,
    rows_of,
    size_of_input,
    unchecked,
)
from edge.decoders.parameters import flag
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

SQUARES = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
"""The priors' sides in pixels of the input, for each stride."""

REMEDY = "export the network with the softmax of its scores"
"""What to do about scores that are logits."""


class Rfb:
    """Decodes an output with the role ``boxes``, (1, n, 4), and one ``scores``, (1, n, 2), background first.

    Parameters:
        decoded: true where the boxes are x0, y0, x1, y1 in fractions of the input; false (default) where they are
            offsets x, y, width, height from the priors.
    """

    task: ClassVar[str] = "detect"
    labels: ClassVar[tuple[str, ...]] = ("face",)
    classes: int = 1

    def __init__(self, signature: Signature) -> None:
        self._boxes, self._scores = signature.one("boxes"), signature.one("scores")
        self._size = input_size(signature, "rfb")
        self._decoded = flag(signature.task.parameters, "decoded", False)
        self._priors = priors(self._size)
        n = len(self._priors)
        if self._boxes.shape != (1, n, 4) or self._scores.shape != (1, n, 2):
            raise InputError(
                f"decoder rfb has {n} priors for an input of {self._size[0]}x{self._size[1]}, so it takes boxes "
                f"(1, {n}, 4) and scores (1, {n}, 2), got {self._boxes.shape} and {self._scores.shape}"
            )

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            boxes = rows_of(outputs[self._boxes.name], 4)[:, [1, 0, 3, 2]]
            if not self._decoded:
                boxes = boxes_of.decode(boxes, self._priors)
            scores = probabilities(rows_of(outputs[self._scores.name], 2), self._scores.name, REMEDY)
            return Candidates(pixels_of(boxes, self._size), scores[:, 1:])


def priors(size: Size) -> Boxes:
    """Return (n, 4) priors centre y, centre x, height, width in fractions of an input of (width, height).

    Centres lie in the middle of the maps' cells; nothing is above 1.
    """
    width, height = size
    levels = [
        boxes_of.level(
            (np.arange(rows) + 0.5) / rows,
            (np.arange(columns) + 0.5) / columns,
            [(side / height, side / width) for side in SQUARES[stride]],
        )
        for stride, (rows, columns) in zip(SQUARES, grid_sizes(size, tuple(SQUARES)), strict=True)
    ]
    return np.clip(np.concatenate(levels), 0, 1).astype(np.float32)


def prior_count(size: Size) -> int:
    """Return how many priors an input of (width, height) has."""
    maps = zip(SQUARES.values(), grid_sizes(size, tuple(SQUARES)), strict=True)
    return sum(len(sides) * rows * columns for sides, (rows, columns) in maps)


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return boxes_and_scores("rfb", outputs)


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: as many boxes as priors; the operation behind the boxes tells whether they are decoded."""
    size = size_of_input(inputs)
    if size is None:
        return None
    n = prior_count(size)
    if sorted(output.shape for output in outputs) != [(1, n, 2), (1, n, 4)]:
        return None
    found = roles(outputs)
    end = ends[found.index("boxes")]
    if end is None:
        return None
    decoded = end != "linear"  # offsets come straight from convolutions
    return Recognized(
        TaskSpec("detect", "rfb", {"decoded": decoded}),
        found,
        f"the {n} priors of Ultra-Light-Fast face detectors in two outputs, {'decoded' if decoded else 'raw'} boxes",
        {"colour": "RGB", "mean": (127.0,), "std": (128.0,), "resize": "stretch"},
    )
