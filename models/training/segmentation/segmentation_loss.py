"""The loss of segmentation, from Dice and cross-entropy, and the metrics Dice and IoU while training.

Targets are one-hot, (batch, height, width, classes) float32. Pixels whose target is all zeros are ignored. Figures are
the mean over the foreground: all classes but the first, as far as they occur. For final reports,
``edge.tasks.pixel_counts`` computes Dice and IoU from counts of pixels.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError

LOSSES = ("dice+cross-entropy", "dice")
SMOOTH = 1.0
"""The pixels added to numerator and denominator, so that Dice is 1 for a class that is in neither region."""


class DiceLoss(keras.losses.Loss):
    """The mean of 1 - Dice over all classes, to which the mean cross-entropy of the pixels may be added."""

    def __init__(self, kind: str = LOSSES[0], label_smoothing: float = 0.0) -> None:
        """Make the loss.

        Args:
            kind: a name in ``LOSSES``.
            label_smoothing: label smoothing of the cross-entropy, from 0 to below 1.

        Raises:
            InputError: the kind is unknown.
        """
        super().__init__(name="overlap")
        if kind not in LOSSES:
            raise InputError(f"loss must be one of {', '.join(LOSSES)}, got {kind!r}")
        self._cross, self._smoothing = kind == LOSSES[0], label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each image, (batch,).

        Args:
            y_true: (batch, height, width, classes) one-hot, or zeros for ignored pixels.
            y_pred: (batch, height, width, classes) probabilities.
        """
        valid = tf.reduce_sum(y_true, -1)
        loss = 1 - tf.reduce_mean(soft_dice(y_true, y_pred * valid[..., None]), -1)
        if not self._cross:
            return loss
        pixels = keras.losses.categorical_crossentropy(y_true, y_pred, label_smoothing=self._smoothing)
        return loss + tf.reduce_sum(pixels * valid, (1, 2)) / tf.maximum(tf.reduce_sum(valid, (1, 2)), 1.0)


def soft_dice(y_true: Any, y_pred: Any) -> Any:
    """Return the Dice coefficients of probabilities, (batch, classes), from 0 to 1.

    The intersection is the sum of products, as in V-Net (https://arxiv.org/abs/1606.04797), section 3, and the size of
    a region is the sum of its probabilities.

    Args:
        y_true: (batch, height, width, classes) one-hot.
        y_pred: (batch, height, width, classes) probabilities.
    """
    both = tf.reduce_sum(y_true * y_pred, (1, 2))
    size = tf.reduce_sum(y_true, (1, 2)) + tf.reduce_sum(y_pred, (1, 2))
    return (2 * both + SMOOTH) / (size + SMOOTH)


class ForegroundOverlap(keras.metrics.Metric):
    """The Dice coefficient or the IoU of the foreground, counted over all pixels."""

    def __init__(self, name: str, classes: int) -> None:
        """Make the metric.

        Args:
            name: ``dice`` or ``iou``.
            classes: number of classes, with the background.
        """
        super().__init__(name, dtype="float64")  # float32 cannot count beyond 16 million pixels
        self.both, self.predicted, self.true = (
            self.add_weight(key, (classes,), initializer="zeros") for key in ("both", "predicted", "true")
        )
        self._classes = classes

    def reset_state(self) -> None:
        """Set all counts to 0."""
        for total in self.variables:
            total.assign(tf.zeros_like(total))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: (batch, height, width, classes) one-hot, or zeros for ignored pixels.
            y_pred: (batch, height, width, classes) probabilities.
            sample_weight: not used.
        """
        y_true = tf.cast(y_true, tf.float64)
        valid = tf.reduce_sum(y_true, -1, keepdims=True)
        chosen = tf.one_hot(tf.argmax(y_pred, -1), self._classes, dtype=tf.float64) * valid
        for total, pixels in ((self.both, chosen * y_true), (self.predicted, chosen), (self.true, y_true)):
            total.assign_add(tf.reduce_sum(pixels, (0, 1, 2)))

    def result(self) -> Any:
        """Return the mean over the foreground classes that occur, or 0 when none does."""
        size, both = (self.predicted + self.true)[1:], self.both[1:]
        share = 2 * both / size if self.name == "dice" else both / (size - both)
        there = size > 0
        return tf.math.divide_no_nan(
            tf.reduce_sum(tf.where(there, share, tf.zeros_like(share))), tf.reduce_sum(tf.cast(there, tf.float64))
        )
