"""FOMO: a coarse map of class probabilities whose peaks are the objects' centres.

Edge Impulse's "Faster Objects, More Objects" (https://docs.edgeimpulse.com/docs/fomo-object-detection-for-constrained-devices):
it finds where objects are, not how large they are.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edge.decoders.activations import ACTIVATIONS, REMEDY, activate, probabilities
from edge.decoders.base import Candidates, Ends, Floats, Recognized
from edge.decoders.heads import all_alike, corners_of, input_size, size_of_input, unchecked
from edge.decoders.parameters import choice, number
from edge.errors import InputError
from edge.signature import Signature, TaskSpec
from edge.tensors import Outputs, TensorSpec

THRESHOLD = 0.5
STRIDE = 8


class Fomo:
    """Decodes one output with the role ``scores``, (1, rows, columns, classes + 1), background first.

    Cells of a class that touch each other, also by a corner, and have the ``score_threshold`` or more are one object.
    Its centre is the mean of theirs, weighted by the score, its score the best of theirs, and its box is one cell.

    Parameters:
        score_threshold: what a cell needs to count (default 0.5); the merging needs it, so it is read here as well as
            in the selection.
        activation: what is still to be applied to the scores, ``none`` (default), ``softmax`` or ``sigmoid``.
    """

    task: ClassVar[str] = "detect"

    def __init__(self, signature: Signature) -> None:
        parameters = signature.task.parameters
        self._size = input_size(signature, "fomo")
        self._output = signature.one("scores")
        self._threshold = number(parameters, "score_threshold", THRESHOLD, 0, 1)
        self._activation = choice(parameters, "activation", "none", ACTIVATIONS)
        self.logits = (self._output.name,) if self._activation == "sigmoid" else ()
        shape = self._output.shape
        if len(shape) != 4 or shape[3] < 2:
            raise InputError(
                f"decoder fomo takes a map (1, rows, columns, classes + 1), got {self._output.name} {shape}"
            )
        self.classes: int = shape[3] - 1

    def __call__(self, outputs: Outputs) -> Candidates:
        """See Decoder."""
        with unchecked():
            scores = activate(outputs[self._output.name].real[0], self._activation)
            scores = probabilities(scores, self._output.name, REMEDY)[..., 1:]
            found = [
                (number, *centre)
                for number in range(self.classes)
                for centre in merged(scores[..., number], self._threshold)
            ]
            table = np.asarray(found, np.float32).reshape(-1, 4)
            cell = np.asarray(self._size, np.float32) / scores.shape[1::-1]
            boxes = corners_of(table[:, 1:3] * cell, np.broadcast_to(cell, (len(table), 2)))
            columns = np.zeros((len(table), self.classes), np.float32)
            columns[np.arange(len(table)), table[:, 0].astype(int)] = table[:, 3]
            return Candidates(boxes, columns, suppressed=True)


def merged(scores: Floats, threshold: float) -> list[tuple[float, float, float]]:
    """Return x, y in cells and the score of each group of cells that touch; the centre of the first cell is 0.5, 0.5.

    Args:
        scores: (rows, columns) of one class.
        threshold: the least score of a cell that counts.
    """
    groups = labelled(scores >= threshold)
    found = []
    for group in range(1, groups.max(initial=0) + 1):
        y, x = np.nonzero(groups == group)
        weights = scores[y, x]
        total = float(weights.sum())
        weights = weights / total if total > 0 else np.full(len(x), 1 / len(x))
        found.append((float((x + 0.5) @ weights), float((y + 0.5) @ weights), float(scores[y, x].max())))
    return found


def labelled(wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (rows, columns) numbers, 0 where not wanted, the same for cells that touch, counted in reading order."""
    numbers = np.zeros(wanted.shape, np.int64)
    count = 0
    for start in zip(*np.nonzero(wanted), strict=True):
        if numbers[start]:
            continue
        count += 1
        todo = [start]
        while todo:
            y, x = todo.pop()
            near = (slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2))
            fresh = wanted[near] & (numbers[near] == 0)
            rows, columns = np.nonzero(fresh)
            numbers[near][fresh] = count
            todo += list(zip(rows + near[0].start, columns + near[1].start, strict=True))
    return numbers


def roles(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """See RoleFinder."""
    return all_alike("fomo", outputs, "scores", (1,))


def recognize(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], ends: Ends) -> Recognized | None:
    """See Recognizer: a softmax over a map of a cell for every 8 pixels; segmenters enlarge theirs before it."""
    size = size_of_input(inputs) or _grey_size(inputs)
    if size is None or len(outputs) != 1 or tuple(ends) != ("softmax",):
        return None
    width, height = size
    shape = outputs[0].shape
    if len(shape) != 4 or shape[1:3] != (height // STRIDE, width // STRIDE) or shape[3] < 2:
        return None
    return Recognized(
        TaskSpec("detect", "fomo", {"score_threshold": THRESHOLD}),
        ("scores",),
        f"a softmax over {shape[2]}x{shape[1]} cells of 8 pixels, as FOMO's centroid maps have it",
        {"mean": (0.0,), "std": (255.0,)},
    )


def _grey_size(inputs: Sequence[TensorSpec]) -> tuple[int, int] | None:
    shape = inputs[0].shape if len(inputs) == 1 else ()
    return (shape[2], shape[1]) if len(shape) == 4 and shape[3] == 1 else None
