"""``task_for`` tells what a network's one vector means by the loss that it was trained with.

The vector's numbers alone do not tell: a dense layer at the end gives logits, coordinates, or an angle.
"""

import re
from typing import Any

import numpy as np

from edge.tensors import TensorSpec

OF_CLASSES = {
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
}
OF_TWO_CLASSES = {"binary_crossentropy", "binary_focal_crossentropy"}
"""Losses of one score. With more they are of labels that are independent, or of an autoencoder's pixels."""

OF_QUANTITIES = {
    *("mean_squared_error", "mse", "mean_absolute_error", "mae", "huber", "huber_loss", "log_cosh", "logcosh"),
    *("mean_absolute_percentage_error", "mape", "mean_squared_logarithmic_error", "msle"),
}
MOST_QUANTITIES = 10
"""Longer vectors with a loss of quantities may be landmarks, or what an autoencoder gives."""


def name_of(loss: Any) -> str:
    """Return the name of a loss as people write it, such as ``mean_squared_error``, for all ways Keras stores it.

    It is empty for a loss that has no name.
    """
    found = loss.get("class_name") if isinstance(loss, dict) else loss
    if found == "function":
        found = loss.get("config")
    return _WORD.sub("_", found).lower() if isinstance(found, str) else ""


_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
"""The places where a word begins in the name of a class, such as ``MeanSquaredError``."""


def in_memory(model: Any) -> Any:
    """Return the loss that a Keras model in memory was compiled with, as ``name_of`` takes it."""
    found = getattr(model, "loss", None)
    if found is None or isinstance(found, str | dict | list | tuple):
        return found
    return getattr(found, "__name__", type(found).__name__)


def task_for(loss: str, outputs: tuple[TensorSpec, ...]) -> str | None:
    """Return ``classify`` or ``regress`` where the loss tells, else None.

    Args:
        loss: its name, as ``name_of`` gives it.
        outputs: the network's outputs.
    """
    if len(outputs) != 1 or outputs[0].dtype.kind != "f":
        return None
    count = int(np.prod(outputs[0].shape))
    if count != max(outputs[0].shape, default=0):
        return None
    if (count > 1 and loss in OF_CLASSES) or (count == 1 and loss in OF_TWO_CLASSES):
        return "classify"
    return "regress" if count <= MOST_QUANTITIES and loss in OF_QUANTITIES else None
