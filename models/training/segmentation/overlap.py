"""How well predicted regions lie on the true ones: Dice and IoU, as a loss and while training.

``edge.tasks.pixel_counts`` computes both from counts, for reports.
Targets are one-hot, (batch, height, width, classes); a pixel of zeros counts nowhere. Figures are of the foreground:
the mean over all classes but the first that occur.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError

LOSSES = ("dice+cross-entropy", "dice")
SMOOTH = 1.0
"""Pixels added above and below: a class that is in neither region has Dice 1."""


class Loss(keras.losses.Loss):
    """1 - Dice, the mean over classes and images, with or without the cross-entropy of the pixels added to it."""

    def __init__(self, kind: str = LOSSES[0], label_smoothing: float = 0.0) -> None:
        """kind: of ``LOSSES``. label_smoothing: of the cross-entropy. Raises InputError for another kind."""
        super().__init__(name="overlap")
        if kind not in LOSSES:
            raise InputError(f"loss must be one of {', '.join(LOSSES)}, got {kind!r}")
        self._cross, self._smoothing = kind == LOSSES[0], label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value an image, (batch,)."""
        valid = tf.reduce_sum(y_true, -1)
        loss = 1 - tf.reduce_mean(soft_dice(y_true, y_pred * valid[..., None]), -1)
        if not self._cross:
            return loss
        pixels = keras.losses.categorical_crossentropy(y_true, y_pred, label_smoothing=self._smoothing)
        return loss + tf.reduce_sum(pixels * valid, (1, 2)) / tf.maximum(tf.reduce_sum(valid, (1, 2)), 1.0)


def soft_dice(y_true: Any, y_pred: Any) -> Any:
    """Dice of probabilities, (batch, classes): products for the intersection (V-Net, 1606.04797, section 3)."""
    both = tf.reduce_sum(y_true * y_pred, (1, 2))
    size = tf.reduce_sum(y_true, (1, 2)) + tf.reduce_sum(y_pred, (1, 2))
    return (2 * both + SMOOTH) / (size + SMOOTH)


class Overlap(keras.metrics.Metric):
    """Dice or IoU of the foreground over all pixels seen."""

    def __init__(self, name: str, classes: int) -> None:
        """name: dice or iou."""
        super().__init__(name, dtype="float64")  # float32 loses count at 16 million pixels
        self.both, self.predicted, self.true = (
            self.add_weight(key, (classes,), initializer="zeros") for key in ("both", "predicted", "true")
        )
        self._classes = classes

    def reset_state(self) -> None:
        """Forget what was counted."""
        for total in self.variables:
            total.assign(tf.zeros_like(total))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        y_true = tf.cast(y_true, tf.float64)
        valid = tf.reduce_sum(y_true, -1, keepdims=True)
        chosen = tf.one_hot(tf.argmax(y_pred, -1), self._classes, dtype=tf.float64) * valid
        for total, pixels in ((self.both, chosen * y_true), (self.predicted, chosen), (self.true, y_true)):
            total.assign_add(tf.reduce_sum(pixels, (0, 1, 2)))

    def result(self) -> Any:
        """The mean over the foreground classes that occur."""
        size, both = (self.predicted + self.true)[1:], self.both[1:]
        share = 2 * both / size if self.name == "dice" else both / (size - both)
        there = size > 0
        return tf.math.divide_no_nan(
            tf.reduce_sum(tf.where(there, share, tf.zeros_like(share))), tf.reduce_sum(tf.cast(there, tf.float64))
        )
