"""What a classifier of anything answers on samples that it has not seen, and how often it is right."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def answers(model: Any, batches: Iterable[tuple[Any, Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the most likely class of each sample and the true one, (n,) each.

    Args:
        model: a Keras model that gives (batch, classes).
        batches: inputs and one-hot targets.
    """
    shapes = tf.TensorSpec((None, *model.input_shape[1:]), model.inputs[0].dtype)
    call = tf.function(lambda inputs: tf.argmax(model(inputs, training=False), -1), [shapes])
    pairs = [(call(inputs).numpy(), np.argmax(targets, -1)) for inputs, targets in batches]
    found, true = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return found, true


def figures(found: NDArray[Any], true: NDArray[Any], labels: Sequence[str]) -> Mapping[str, Any]:
    """Return ``accuracy``, 0 to 1, of all samples and ``accuracy_by_class`` of the classes that occur."""
    right = found == true
    by_class = {label: float(right[true == number].mean()) for number, label in enumerate(labels) if number in true}
    return {"accuracy": float(right.mean()), "accuracy_by_class": by_class}
