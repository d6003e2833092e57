"""Classification turns a vector of class scores into the best labels, or into all labels above a threshold."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edge import labels as label_files
from edge.decoders.activations import ACTIVATIONS, activate
from edge.decoders.heads import unchecked
from edge.decoders.parameters import choice, flag, number, whole
from edge.errors import InputError
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Prediction, Result
from edge.signature import Signature
from edge.tasks.activation import find_activation
from edge.tasks.base import Budget, Comparer, Figures, Task
from edge.tasks.difference import Difference, Share, quality
from edge.tasks.parameters import Parameters
from edge.tasks.shapes import vector_length
from edge.tensors import Outputs, Tensor

Floats = NDArray[np.float32]


class Classify(Task):
    """Decodes the output with the role ``scores``, which is one vector, float or quantized.

    A single number is the probability of the second of two labels. The first label has the rest.

    Parameters in the manifest:
        activation: the activation that must be applied to the output: none, softmax, sigmoid, or auto, which depends on
            the values of each run (see ``edge.tasks.activation.find_activation``).
        multi_label: whether the classes are independent, so that each one above the threshold is a prediction.
        threshold: the least score of a prediction; for two labels with one number, the least score of the second one.
            The default is 0.5 for these and for multi_label, otherwise 0.
        top: the largest number of predictions (default 1, or all for multi_label).

    Attributes:
        classes: the number of classes.
        two: whether one number stands for two labels.
        multi_label, threshold: see the parameters.

    The truth of a sample is the class's number; with ``multi_label`` it is (classes,) of true and false.
    """

    name: ClassVar[str] = "classify"
    budget: ClassVar[Budget] = Budget(98.0, 0.5)

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        signature.only("scores")
        output = signature.one("scores")
        self._output = output.name
        numbers = vector_length(output, self.name)
        given = Parameters(signature)
        self._activation = choice(given, "activation", "auto", ("auto", *ACTIVATIONS))
        self.multi_label = flag(given, "multi_label", False)
        self.two = numbers == 1 and not self.multi_label
        self.classes = 2 if self.two else numbers
        self.threshold = number(given, "threshold", 0.5 if self.two or self.multi_label else 0.0, 0, 1)
        self._top = whole(given, "top", self.classes if self.multi_label else 1, 1)
        given.finish()
        if self._activation == "softmax" and numbers == 1:
            raise InputError(f"a softmax over one number is always 1: state activation sigmoid for {output.shape}")
        if labels is not None:
            label_files.check_count(labels, self.classes, origin)
        self._labels = tuple(labels) if labels is not None else tuple(str(i) for i in range(self.classes))

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task. Scores are probabilities, with the best first. Equal scores are in the order of the classes."""
        scores = self.scores(outputs)
        found = (Prediction(self._labels[i], float(scores[i]), i) for i in self.answers(scores))
        return Result(self.name, tuple(found))

    def scores(self, outputs: Outputs) -> Floats:
        """Return the scores (classes,) float32, from 0 to 1."""
        values = probabilities(outputs[self._output], self._activation)
        return np.concatenate([1 - values, values]) if self.two else values

    def answers(self, scores: Floats) -> list[int]:
        """Return the predicted classes, with the best first."""
        if self.two:
            return ([1, 0] if scores[1] >= self.threshold else [0, 1])[: self._top]
        order = best(scores, self._top)
        return [i for i in order if scores[i] >= self.threshold] if self.threshold > 0 else order

    def comparer(self) -> Comparer:
        """See Task: top-1 agreement and accuracy, or the share of labels that both find or both do not."""
        return _Labels(self) if self.multi_label else _Top1(self)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: the labels in the upper left corner."""
        from edge.tasks import lettering  # a loop that shows no picture starts without it

        lettering.lines(image, [one.caption for one in result.predictions])

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        from edge.tasks import json_form

        return {"results": json_form.predictions(result.predictions)}

    @staticmethod
    def line(result: Result) -> str:
        """See Task."""
        return " | ".join(one.caption for one in result.predictions) or "nothing"


class _Top1(Comparer):
    """Compares the best classes. Classes with the same highest score are all right, so that ties do not disagree.

    Scores that an integer cuts off at its largest value are no tie, unless the reference's are as near to each other.
    """

    def __init__(self, task: Classify) -> None:
        self._task, self._difference = task, Difference()
        self._agreed, self._right, self._reference_right = Share(), Share(), Share()

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        expected, got = self._task.scores(reference), self._task.scores(candidate)
        self._agreed.add(bool((self._tops(expected) & self._tops(got)).any()) and self._is_fair(reference, candidate))
        if truth is None:
            return
        if isinstance(truth, bool) or not isinstance(truth, int | np.integer) or not 0 <= truth < self._task.classes:
            raise InputError(f"the truth must be a class from 0 to {self._task.classes - 1}, got {truth!r}")
        self._right.add(self._first(got) == truth)
        self._reference_right.add(self._first(expected) == truth)

    def figures(self) -> Figures:
        known = quality("accuracy", self._right, self._reference_right)
        return self._difference.figures("top-1", self._agreed.percent, quality=known)

    def _is_fair(self, reference: Outputs, candidate: Outputs) -> bool:
        """Return whether the best classes of a candidate tie in truth, and not because their scores are cut off."""
        (found,), (known,) = candidate.values(), reference.values()
        values = np.asarray(found.raw).reshape(-1)
        if self._task.two or found.spec.quantization is None or values.max() < np.iinfo(values.dtype).max:
            return True
        tied = known.real.reshape(-1)[values == values.max()]
        return bool(tied.max() - tied.min() <= 1.5 * found.spec.quantization.scale)

    def _tops(self, scores: Floats) -> NDArray[np.bool_]:
        if self._task.two:
            return np.asarray([scores[1] <= self._task.threshold, scores[1] >= self._task.threshold])
        return np.asarray(scores == scores.max())

    def _first(self, scores: Floats) -> int:
        return int(scores[1] >= self._task.threshold) if self._task.two else int(scores.argmax())


class _Labels(Comparer):
    """Compares every label of every sample."""

    def __init__(self, task: Classify) -> None:
        self._task, self._difference = task, Difference()
        self._agreed, self._right, self._reference_right = Share(), Share(), Share()

    def add(self, reference: Outputs, candidate: Outputs, placement: Placement | None, truth: Any | None) -> None:
        self._difference.add(reference, candidate)
        expected, got = (self._task.scores(outputs) >= self._task.threshold for outputs in (reference, candidate))
        self._agreed.add((expected == got).sum(), expected.size)
        if truth is None:
            return
        there = np.asarray(truth)
        if there.shape != expected.shape:
            raise InputError(f"the truth must say of {expected.shape} labels whether they are there, got {there.shape}")
        self._right.add((got == (there > 0)).sum(), there.size)
        self._reference_right.add((expected == (there > 0)).sum(), there.size)

    def figures(self) -> Figures:
        known = quality("label accuracy", self._right, self._reference_right)
        return self._difference.figures("labels", self._agreed.percent, quality=known)


def probabilities(tensor: Tensor, activation: str = "auto") -> Floats:
    """Return the vector of scores, float32, from 0 to 1.

    Args:
        tensor: the output.
        activation: the activation to apply, one of ``edge.decoders.activations.ACTIVATIONS``, or ``auto``, which
            depends on the values.
    """
    values = tensor.real.ravel()
    kind = find_activation([tensor])[0] if activation == "auto" else activation
    if kind == "none":
        return values
    with unchecked():
        return activate(values, kind)


def best(scores: Floats, top: int) -> list[int]:
    """Return the indices of the ``top`` largest scores, with the largest first. Equal scores keep their order."""
    if top == 1:
        return [int(scores.argmax())]
    order = np.argsort(-scores, kind="stable")[:top]
    return [int(i) for i in order]
