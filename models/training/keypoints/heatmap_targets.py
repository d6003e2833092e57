"""Heat maps of keypoints as targets of a network, with the loss and the metric for them.

They follow Simple Baselines (Xiao et al. 2018, https://arxiv.org/abs/1804.06208), section 2: the target is a Gaussian
of height 1 around each keypoint, and the loss is the squared error. The cell in row i and column j has its middle at
x = j + 0.5 and y = i + 0.5, in cells.
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

UNLABELLED = -1.0
"""The value of all cells in the target map of a keypoint that is not labelled. Loss and metric leave such maps out."""

COARSE_THRESHOLD = 0.1
"""The distance within which the metric counts a keypoint as correct, as a fraction of the map's longer side."""


def targets(
    points: NDArray[np.float32], labelled: NDArray[np.bool_], size: tuple[int, int], sigma: float
) -> NDArray[np.float32]:
    """Return the target maps of one picture, (height, width, keypoints) float32 from 0 to 1, or ``UNLABELLED``.

    Args:
        points: (keypoints, 2) x and y in fractions of the picture.
        labelled: (keypoints,) whether each keypoint is labelled.
        size: height and width of the maps in cells.
        sigma: standard deviation of the Gaussians in cells.
    """
    height, width = size
    y = (np.arange(height)[:, None] + 0.5 - points[None, :, 1] * height) / sigma
    x = (np.arange(width)[:, None] + 0.5 - points[None, :, 0] * width) / sigma
    maps = np.exp(-0.5 * (y[:, None] ** 2 + x[None] ** 2))
    return np.where(labelled, maps, UNLABELLED).astype(np.float32)


class HeatmapLoss(keras.losses.Loss):
    """The squared error, summed over the cells of a map and averaged over the labelled keypoints of a picture."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value for each picture, (batch,).

        Args:
            y_true: (batch, height, width, keypoints) target maps; see ``targets``.
            y_pred: (batch, height, width, keypoints) predicted maps.
        """
        known = tf.cast(y_true[:, 0, 0] >= 0, tf.float32)
        away = tf.square(tf.cast(y_pred, tf.float32) - y_true)
        each = tf.reduce_sum(away, (1, 2)) * known
        return tf.reduce_sum(each, -1) / tf.maximum(tf.reduce_sum(known, -1), 1.0)


class CoarsePCK(keras.metrics.Metric):
    """The percentage of correct keypoints (PCK) while training, as a fraction from 0 to 1.

    A labelled keypoint is correct when the largest cell of its predicted map lies within ``COARSE_THRESHOLD`` of the
    largest cell of its target map.
    """

    def __init__(self, name: str = "cells_near", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._near = self.add_weight("near", initializer="zeros")
        self._known = self.add_weight("known", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: (batch, height, width, keypoints) target maps; see ``targets``.
            y_pred: (batch, height, width, keypoints) predicted maps.
            sample_weight: not used.
        """
        known = tf.cast(y_true[:, 0, 0] >= 0, tf.float32)
        away = tf.norm(_peaks(y_true) - _peaks(y_pred), axis=-1)
        near = tf.cast(away <= COARSE_THRESHOLD * max(y_true.shape[1:3]), tf.float32)
        self._near.assign_add(tf.reduce_sum(near * known))
        self._known.assign_add(tf.reduce_sum(known))

    def result(self) -> Any:
        """Return the fraction of correct keypoints, or 0 before any keypoint was seen."""
        return tf.math.divide_no_nan(self._near, self._known)


def _peaks(maps: Any) -> Any:
    """Return the row and the column of the largest cell of each map, (batch, keypoints, 2) float32."""
    height, width, count = maps.shape[1:]
    best = tf.argmax(tf.reshape(maps, (-1, height * width, count)), axis=1)
    return tf.cast(tf.stack([best // width, best % width], axis=-1), tf.float32)
