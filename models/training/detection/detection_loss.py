"""What a single-shot detector is fitted by: smooth L1 on offsets, cross-entropy on classes with hard negatives.

SSD, Liu et al. 2016, https://arxiv.org/abs/1512.02325, section 2.2, formulas (1) to (3).
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

NEGATIVES = 3
"""Background anchors that count, for each that answers for a box: those that look most like an object."""

TINY = 1e-7


class SmoothL1(keras.losses.Loss):
    """0.5 d^2 below 1, |d| - 0.5 above, summed over the offsets of anchors that answer for a box.

    y_true: (batch, n, 5), the mask in the last column. y_pred: (batch, n, 4). Both losses are divided by the mean
    number of those anchors in an image of the batch.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        mask = y_true[..., 4]
        away = tf.abs(y_true[..., :4] - tf.cast(y_pred, y_true.dtype))
        each = tf.where(away < 1, 0.5 * away**2, away - 0.5)
        return tf.reduce_sum(tf.reduce_sum(each, -1) * mask, -1) / _mean_matched(tf.reduce_sum(mask, -1))


class HardNegatives(keras.losses.Loss):
    """Cross-entropy of the anchors that answer for a box and of the worst background anchors, ``NEGATIVES`` for each.

    y_true: (batch, n, classes + 1) one-hot, background first. y_pred: the same shape, probabilities.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        background = y_true[..., 0]
        matched = tf.reduce_sum(1 - background, -1)
        each = -tf.math.log(tf.reduce_sum(y_true * tf.cast(y_pred, y_true.dtype), -1) + TINY)
        wrong = tf.stop_gradient(each) * background
        counted = tf.minimum(NEGATIVES * tf.maximum(tf.cast(matched, tf.int32), 1), tf.shape(wrong)[1])
        least = tf.gather(tf.sort(wrong, -1, "DESCENDING"), counted[:, None] - 1, batch_dims=1)
        hard = tf.cast(wrong >= least, each.dtype) * background
        return tf.reduce_sum(each * (1 - background + hard), -1) / _mean_matched(matched)


class Focal(keras.losses.Loss):
    """(1 - p)^2 * cross-entropy of every anchor, p the probability of its class, background weighted by a half.

    Focal loss for dense object detection (Lin et al. 2017, https://arxiv.org/abs/1708.02002), formula (5), with
    softmax. y_true: (batch, n, classes + 1) one-hot, background first. y_pred: the same shape, probabilities.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        background = y_true[..., 0]
        p = tf.reduce_sum(y_true * tf.cast(y_pred, y_true.dtype), -1)
        each = -(1 - 0.5 * background) * (1 - p) ** 2 * tf.math.log(p + TINY)
        return tf.reduce_sum(each, -1) / _mean_matched(tf.reduce_sum(1 - background, -1))


LOSSES = {"focal": Focal, "hard_negatives": HardNegatives}
"""Of the classes. On blood cells (BCCD) ten epochs with the first gave an anchor F1 of 0.32, with the paper's 0.08."""


class AnchorF1(keras.metrics.Metric):
    """F1 of the anchors' most likely classes, 0 to 1: 2 hits / (2 hits + false alarms + misses).

    An anchor that answers for a box is a hit when its class is right, a false alarm and a miss when another object
    is, a miss when background is; a background anchor with an object is a false alarm.
    """

    def __init__(self, name: str = "anchor_f1", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._right = self.add_weight("right", initializer="zeros")
        self._named = self.add_weight("named", initializer="zeros")

    @property
    def name(self) -> str:
        """The same whatever the output is called: Keras puts the output's name before it, as quantization renames."""
        return "anchor_f1"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true, y_pred: (batch, n, classes + 1), background first."""
        wanted, found = tf.argmax(y_true, -1), tf.argmax(y_pred, -1)
        hits = tf.logical_and(wanted == found, wanted > 0)
        right, objects, claims = (tf.reduce_sum(tf.cast(part, tf.float32)) for part in (hits, wanted > 0, found > 0))
        self._right.assign_add(2 * right)
        self._named.assign_add(objects + claims)

    def result(self) -> Any:
        return tf.math.divide_no_nan(self._right, self._named)


def _mean_matched(matched: Any) -> Any:
    return tf.maximum(tf.reduce_mean(matched), 1.0)
