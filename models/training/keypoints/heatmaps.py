"""Heat maps of keypoints: what a network is fitted to, the loss, and how near its peaks come. Numpy and TensorFlow.

Simple Baselines (Xiao et al. 2018, https://arxiv.org/abs/1804.06208), section 2: a Gaussian of height 1 around each
keypoint, fitted by squared error. The cell in row i and column j has its middle at (j + 0.5, i + 0.5).
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

ABSENT = -1.0
"""Every value of the map of a keypoint that is not labelled; it counts nowhere."""

COARSE = 0.1
"""How near a whole cell must come to count while training, as a share of the map's longer side."""


def targets(
    points: NDArray[np.float32], labelled: NDArray[np.bool_], size: tuple[int, int], sigma: float
) -> NDArray[np.float32]:
    """Return (height, width, keypoints) float32 Gaussians.

    Args:
        points: (keypoints, 2) x and y in fractions of the picture.
        labelled: (keypoints,); the maps of the others are ``ABSENT``.
        size: height and width of the map in cells.
        sigma: standard deviation in cells.
    """
    height, width = size
    y = (np.arange(height)[:, None] + 0.5 - points[None, :, 1] * height) / sigma
    x = (np.arange(width)[:, None] + 0.5 - points[None, :, 0] * width) / sigma
    maps = np.exp(-0.5 * (y[:, None] ** 2 + x[None] ** 2))
    return np.where(labelled, maps, ABSENT).astype(np.float32)


class MapError(keras.losses.Loss):
    """Squared error summed over a map, the mean over the labelled keypoints of a picture.

    y_true: (batch, height, width, keypoints), ``ABSENT`` where a keypoint is not labelled. y_pred: the same shape.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        known = tf.cast(y_true[:, 0, 0] >= 0, tf.float32)
        away = tf.square(tf.cast(y_pred, tf.float32) - y_true)
        each = tf.reduce_sum(away, (1, 2)) * known
        return tf.reduce_sum(each, -1) / tf.maximum(tf.reduce_sum(known, -1), 1.0)


class CellsNear(keras.metrics.Metric):
    """Share of the labelled keypoints whose map has its largest value within ``COARSE`` of the target's, 0 to 1."""

    def __init__(self, name: str = "cells_near", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._near = self.add_weight("near", initializer="zeros")
        self._known = self.add_weight("known", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """y_true, y_pred: (batch, height, width, keypoints)."""
        known = tf.cast(y_true[:, 0, 0] >= 0, tf.float32)
        away = tf.norm(_peaks(y_true) - _peaks(y_pred), axis=-1)
        near = tf.cast(away <= COARSE * max(y_true.shape[1:3]), tf.float32)
        self._near.assign_add(tf.reduce_sum(near * known))
        self._known.assign_add(tf.reduce_sum(known))

    def result(self) -> Any:
        return tf.math.divide_no_nan(self._near, self._known)


def _peaks(maps: Any) -> Any:
    """Return (batch, keypoints, 2) row and column of the largest value of each map."""
    height, width, count = maps.shape[1:]
    best = tf.argmax(tf.reshape(maps, (-1, height * width, count)), axis=1)
    return tf.cast(tf.stack([best // width, best % width], axis=-1), tf.float32)
