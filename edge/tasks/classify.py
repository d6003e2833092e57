"""Classification: one vector of class scores into the best few labels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge import labels as label_files
from edge.bundle import OutputKind
from edge.errors import InputError
from edge.results import Prediction, Result
from edge.tasks.base import Task
from edge.tensors import Array, Quantization, TensorSpec, dequantize

SUM_TOLERANCE = 0.01
"""How far a float softmax over any number of classes may sum from 1; logits in 0 to 1 that do so are not met."""


class Classify(Task):
    """Decodes output 0: (1, classes), or (1, 1, 1, classes), float or quantized."""

    def __init__(
        self,
        labels: Sequence[str] | None = None,
        output: OutputKind | None = None,
        top: int = 1,
        origin: str = "labels",
    ) -> None:
        """labels: one per class; None numbers them. output: what the numbers are; None finds out.

        top: how many predictions a Result holds. origin: where the labels came from, for messages.
        """
        if top < 1:
            raise InputError(f"top must be at least 1, got {top}")
        self._labels, self._output, self._top, self._origin = labels, output, top, origin

    def check(self, specs: Sequence[TensorSpec]) -> None:
        """See Task: output 0 must be one vector, and the labels as many as it is long."""
        shape = specs[0].shape
        classes = int(np.prod(shape))
        if not shape or classes != shape[-1]:
            raise InputError(f"a classifier's output must be one vector of scores, got {specs[0].describe()}")
        if self._labels is not None:
            label_files.check_count(list(self._labels), classes, self._origin)

    def decode(self, outputs: Sequence[Array], specs: Sequence[TensorSpec], frame_size: tuple[int, int]) -> Result:
        """See Task. Scores are probabilities, best first; equal scores in class order."""
        scores = probabilities(outputs[0], specs[0], self._output)
        return Result(tuple(Prediction(self._label(i), float(scores[i]), i) for i in best(scores, self._top)))

    def _label(self, index: int) -> str:
        return str(index) if self._labels is None else self._labels[index]


def probabilities(output: Array, spec: TensorSpec, kind: OutputKind | None) -> NDArray[np.float32]:
    """Return (classes,) float32, 0 to 1: dequantized, and through a softmax when they are logits."""
    real = dequantize(output, spec).ravel()
    if (kind or output_kind(real, spec)) == "probabilities":
        return real
    return softmax(real)


def output_kind(real: NDArray[np.float32], spec: TensorSpec) -> OutputKind:
    """Tell probabilities from logits where no manifest does.

    Quantized: TFLite gives every softmax output the steps 1/256 from the type's lowest value
    (https://www.tensorflow.org/lite/performance/quantization_spec); their rounded sum says nothing, as hundreds
    of small classes round to 0. Float: within 0 to 1 and summing to 1.
    """
    if spec.quantization is not None:
        return "probabilities" if spec.quantization == _softmax_steps(spec) else "logits"
    in_range = bool(real.min() >= 0 and real.max() <= 1)
    return "probabilities" if in_range and abs(float(real.sum()) - 1) <= SUM_TOLERANCE else "logits"


def _softmax_steps(spec: TensorSpec) -> Quantization:
    return Quantization(1 / 256, int(np.iinfo(spec.dtype).min))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(x) / sum(exp(x)) of a vector, shifted by its maximum so that nothing overflows."""
    raised = np.exp(logits - logits.max())
    out: NDArray[np.float32] = raised / raised.sum()
    return out


def best(scores: NDArray[np.float32], top: int) -> list[int]:
    """Return the indices of the ``top`` largest scores, largest first; equal ones in index order."""
    if top == 1:
        return [int(scores.argmax())]
    order = np.argsort(-scores, kind="stable")[:top]
    return [int(i) for i in order]
