"""What all tasks with one class for each sample share: the loss, the metric, the targets and the final figures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.models.training.dataset_task import Plain
from edge.models.training.settings import Settings


class SingleLabelTask(Plain):
    """A dataset task whose samples have one class each."""

    def loss(self, settings: Settings) -> Any:
        """Return the cross-entropy. Label smoothing spreads a share of each target over all classes."""
        return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Return the top-1 accuracy, named ``accuracy``."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def one_hot(self, classes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the targets, (n, number of labels) float32, of ``classes``, (n,) label indices."""
        return np.eye(len(self.labels), dtype=np.float32)[classes]

    def batch_types(self, shape: Sequence[int], dtype: Any = tf.float32) -> tuple[Any, ...]:
        """Return dtype and shape of the inputs and of the targets in a batch, whose size is open.

        Args:
            shape: of one sample.
            dtype: of the inputs.
        """
        return (dtype, (None, *shape)), (tf.float32, (None, len(self.labels)))


def predict_classes(model: Any, batches: Iterable[tuple[Any, Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the most likely class and the true class of each sample, both (n,) int64.

    Args:
        model: a Keras model whose output is (batch, classes).
        batches: pairs of inputs and one-hot targets.
    """
    shapes = tf.TensorSpec((None, *model.input_shape[1:]), model.inputs[0].dtype)
    call = tf.function(lambda inputs: tf.argmax(model(inputs, training=False), -1), [shapes])
    pairs = [(call(inputs).numpy(), np.argmax(targets, -1)) for inputs, targets in batches]
    predicted, true = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return predicted, true


def accuracy_figures(predicted: NDArray[Any], true: NDArray[Any], labels: Sequence[str]) -> Mapping[str, Any]:
    """Return the final figures of predictions.

    Args:
        predicted: (n,) predicted label indices.
        true: (n,) true label indices.
        labels: the class names.

    Returns:
        ``accuracy``, from 0 to 1, over all samples, and ``accuracy_by_class`` for each class that occurs.
    """
    right = predicted == true
    by_class = {label: float(right[true == number].mean()) for number, label in enumerate(labels) if number in true}
    return {"accuracy": float(right.mean()), "accuracy_by_class": by_class}
