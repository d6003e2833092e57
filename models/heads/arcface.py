"""ArcFace (Deng et al. 2018, https://arxiv.org/abs/1801.07698): an embedding is trained like a classifier of people.

Put ``Cosines`` behind an embedding network and fit it with the loss ``ArcFace``. Afterwards remove ``Cosines``.
"""

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError


@keras.utils.register_keras_serializable("edge")
class Cosines(keras.layers.Layer):
    """The cosine of the angle between an embedding and the centre of each class (section 3.1).

    The input is (batch, size), vectors of any length. The output is (batch, classes) float32, from -1 to 1.
    """

    quantizes_output = True

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if classes < 1:
            raise InputError(f"classes must be at least 1, got {classes}")
        self.classes = classes

    def build(self, input_shape: Any) -> None:
        self.centres = self.add_weight(
            name="centres", shape=(int(input_shape[-1]), self.classes), initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return tf.matmul(tf.nn.l2_normalize(inputs, -1), tf.nn.l2_normalize(self.centres, 0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}


@keras.utils.register_keras_serializable("edge")
class ArcFace(keras.losses.Loss):
    """The cross-entropy of softmax(scale * c), where c is cos(angle + margin) for the true class, else cos(angle).

    This is equation 3. ``y_true`` is (batch, classes) one-hot, and ``y_pred`` is (batch, classes) cosines. Where angle
    + margin exceeds pi, the cosine would rise again. There cos(angle) - margin * sin(margin) takes its place, as in the
    authors' code (https://github.com/deepinsight/insightface).
    """

    def __init__(self, margin: float = 0.5, scale: float = 64.0, name: str = "arcface", **kwargs: Any) -> None:
        """Choose margin and scale.

        Args:
            margin: in radians, from 0 to below pi.
            scale: s of the paper, above 0.
            name: the loss's name.
            kwargs: those of ``keras.losses.Loss``.

        Raises:
            InputError: margin or scale does not fit.
        """
        super().__init__(name=name, **kwargs)
        if not 0 <= margin < math.pi:
            raise InputError(f"margin must be from 0 to below pi, got {margin}")
        if not scale > 0:
            raise InputError(f"scale must be above 0, got {scale}")
        self.margin, self.scale = margin, scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        true = tf.cast(y_true, y_pred.dtype)
        moved = tf.where(true > 0.5, self._with_margin(y_pred), y_pred)
        return tf.nn.softmax_cross_entropy_with_logits(true, self.scale * moved)

    def _with_margin(self, cosine: Any) -> Any:
        # The gradient of the square root has no value at a sine of 0.
        sine = tf.sqrt(tf.maximum(1 - cosine**2, 1e-9))
        moved = cosine * math.cos(self.margin) - sine * math.sin(self.margin)
        beyond = cosine - self.margin * math.sin(self.margin)
        return tf.where(cosine > math.cos(math.pi - self.margin), moved, beyond)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "margin": self.margin, "scale": self.scale}
