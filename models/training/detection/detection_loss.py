"""The losses and the metric of a single-shot detector: smooth L1 for offsets, two losses to choose from for classes.

They follow SSD (Liu et al. 2016, https://arxiv.org/abs/1512.02325), section 2.2, formulas (1) to (3). A matched anchor
is one that is matched to a true box; every other anchor is background.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

NEGATIVES_PER_POSITIVE = 3
"""Hard negative mining keeps this many background anchors for each matched anchor: those with the largest loss."""

EPSILON = 1e-7
"""The value that is added to a probability, so that its logarithm is finite."""


class SmoothL1(keras.losses.Loss):
    """Smooth L1 of the offsets: 0.5 d^2 where |d| is below 1, and |d| - 0.5 elsewhere.

    The sum over the offsets of matched anchors is divided by the mean number of matched anchors in an image of the
    batch, as are the other losses of this module.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each image, (batch,).

        Args:
            y_true: (batch, n, 5) four offsets and the mask, which is 1 for matched anchors.
            y_pred: (batch, n, 4) predicted offsets.
        """
        mask = y_true[..., 4]
        away = tf.abs(y_true[..., :4] - tf.cast(y_pred, y_true.dtype))
        each = tf.where(away < 1, 0.5 * away**2, away - 0.5)
        return tf.reduce_sum(tf.reduce_sum(each, -1) * mask, -1) / _mean_matched(tf.reduce_sum(mask, -1))


class HardNegatives(keras.losses.Loss):
    """Cross-entropy with hard negative mining.

    It counts the matched anchors, and for each of them ``NEGATIVES_PER_POSITIVE`` background anchors, namely those
    with the largest loss.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each image, (batch,).

        Args:
            y_true: (batch, n, classes + 1) one-hot, background first.
            y_pred: (batch, n, classes + 1) probabilities.
        """
        background = y_true[..., 0]
        matched = tf.reduce_sum(1 - background, -1)
        each = -tf.math.log(tf.reduce_sum(y_true * tf.cast(y_pred, y_true.dtype), -1) + EPSILON)
        wrong = tf.stop_gradient(each) * background
        wanted = NEGATIVES_PER_POSITIVE * tf.maximum(tf.cast(matched, tf.int32), 1)
        counted = tf.minimum(wanted, tf.shape(wrong)[1])
        least = tf.gather(tf.sort(wrong, -1, "DESCENDING"), counted[:, None] - 1, batch_dims=1)
        hard = tf.cast(wrong >= least, each.dtype) * background
        return tf.reduce_sum(each * (1 - background + hard), -1) / _mean_matched(matched)


class Focal(keras.losses.Loss):
    """Focal loss with softmax: the cross-entropy of every anchor times (1 - p)^2, where p is its class's probability.

    Background anchors count half. This is formula (5) of Focal Loss for Dense Object Detection (Lin et al. 2017,
    https://arxiv.org/abs/1708.02002).
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each image, (batch,).

        Args:
            y_true: (batch, n, classes + 1) one-hot, background first.
            y_pred: (batch, n, classes + 1) probabilities.
        """
        background = y_true[..., 0]
        p = tf.reduce_sum(y_true * tf.cast(y_pred, y_true.dtype), -1)
        each = -(1 - 0.5 * background) * (1 - p) ** 2 * tf.math.log(p + EPSILON)
        return tf.reduce_sum(each, -1) / _mean_matched(tf.reduce_sum(1 - background, -1))


LOSSES = {"focal": Focal, "hard_negatives": HardNegatives}
"""The losses for classes by the name of the data option ``loss``.

After ten epochs on blood cells (BCCD), the anchors' F1 was 0.32 with focal loss and 0.08 with hard negatives, the
paper's choice.
"""


class AnchorF1(keras.metrics.Metric):
    """The F1 score of the anchors' most likely classes, from 0 to 1: 2 hits / (2 hits + false alarms + misses).

    A matched anchor is a hit when its class is right. It is both a false alarm and a miss when it has another class,
    and a miss when it is taken for background. A background anchor that is taken for an object is a false alarm.
    """

    def __init__(self, name: str = "anchor_f1", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._right = self.add_weight("right", initializer="zeros")
        self._named = self.add_weight("named", initializer="zeros")

    @property
    def name(self) -> str:
        """Return a constant, because Keras puts the name of an output before it, and quantization renames outputs."""
        return "anchor_f1"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: (batch, n, classes + 1) one-hot, background first.
            y_pred: (batch, n, classes + 1) probabilities.
            sample_weight: not used.
        """
        wanted, found = tf.argmax(y_true, -1), tf.argmax(y_pred, -1)
        hits = tf.logical_and(wanted == found, wanted > 0)
        right, objects, claims = (tf.reduce_sum(tf.cast(part, tf.float32)) for part in (hits, wanted > 0, found > 0))
        self._right.assign_add(2 * right)
        self._named.assign_add(objects + claims)

    def result(self) -> Any:
        """Return the F1 score, or 0 before any object was seen."""
        return tf.math.divide_no_nan(self._right, self._named)


def _mean_matched(matched: Any) -> Any:
    return tf.maximum(tf.reduce_mean(matched), 1.0)
