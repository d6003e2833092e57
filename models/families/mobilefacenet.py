"""MobileFaceNet (Chen et al. 2018, https://arxiv.org/abs/1804.07573), table 1, which maps a face to a vector.

It is trained with the loss of ``edge.models.heads.arcface``. Two faces belong to one person when their vectors point in
the same direction.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.models import lowering
from edge.models.blocks import batch_norm, conv_bn, depthwise_bn, image_input
from edge.models.scaling import Strides, scale_channels

# t expansion, c output channels, n repeats, s stride of the first repeat
ROWS = (
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)
STEM_CHANNELS, HEAD_CHANNELS = 64, 512
DOWNSAMPLE = 16


@keras.utils.register_keras_serializable("edge")
class PReLU(keras.layers.PReLU):
    """PReLU: x where it is positive, else x times a trained slope for each channel (https://arxiv.org/abs/1502.01852).

    Input and output are (batch, height, width, channels). For int8 it is written as x + (1 - slope) * relu(-x), because
    the delegate takes PRELU in float only (MobileFaceNet in int8 on one thread takes 39 ms with it, 10 ms without).
    """

    quantizes_output = True
    lowers = (lowering.INT8,)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"shared_axes": (1, 2), "alpha_initializer": keras.initializers.Constant(0.25), **kwargs})

    def call(self, inputs: Any) -> Any:
        if lowering.current() == lowering.INT8:
            return inputs + (1 - self.alpha) * tf.nn.relu(-1.0 * inputs)  # negation has no int8 kernel
        return super().call(inputs)


@keras.utils.register_keras_serializable("edge")
class UnitLength(keras.layers.Layer):
    """Divide each vector by its Euclidean length. Input and output are (batch, size)."""

    quantizes_output = True

    def call(self, inputs: Any) -> Any:
        return tf.nn.l2_normalize(inputs, axis=-1)


def mobilefacenet(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = DOWNSAMPLE,
    normalize: bool = False,
) -> Any:
    """Return MobileFaceNet, which maps (batch, height, width, channels) to embeddings, (batch, classes) float32.

    The head has 512 channels for widths below 1. The last depthwise convolution is as large as its input, so its
    weights depend on the size of the images.

    Args:
        input_shape: (height, width, channels).
        classes: the size of an embedding, 128 in the paper. The people are classes of the loss only.
        width: width multiplier.
        downsample: the product of all strides.
        normalize: whether to divide each embedding by its length, so that the product of two is their cosine.
    """
    stride = Strides(downsample, DOWNSAMPLE)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, scale_channels(STEM_CHANNELS, width, "stem"), "stem", kernel=3, stride=stride(2), act=None)
    x = prelu(x, "stem")
    x = prelu(depthwise_bn(x, "stem", act=None), "stem_depthwise")
    for stage, (expansion, channels, repeats, step) in enumerate(ROWS, start=1):
        for block in range(1, repeats + 1):
            name = f"stage{stage}_block{block}"
            step_here = stride(step) if block == 1 else 1
            x = bottleneck(x, scale_channels(channels, width, name), expansion, step_here, name)
    x = prelu(conv_bn(x, scale_channels(HEAD_CHANNELS, max(1.0, width), "head"), "head", act=None), "head")
    x = global_depthwise(x, "global")
    x = conv_bn(x, classes, "embedding", act=None)
    x = keras.layers.Flatten(dtype="float32", name="vector")(x)
    if normalize:
        x = UnitLength(dtype="float32", name="unit_length")(x)
    return keras.Model(inputs, x, name="mobilefacenet")


def prelu(x: Any, name: str) -> Any:
    """Apply ``PReLU``."""
    return PReLU(name=f"{name}_prelu")(x)


def bottleneck(x: Any, channels: int, expansion: int, stride: int, name: str) -> Any:
    """Apply an inverted residual with PReLU (section 3.3). Input and output are added where the shape is kept."""
    entry = x
    expanded = entry.shape[-1] * expansion
    x = prelu(conv_bn(x, expanded, f"{name}_expand", act=None), f"{name}_expand")
    x = prelu(depthwise_bn(x, name, stride=stride, act=None), f"{name}_depthwise")
    x = conv_bn(x, channels, f"{name}_project", act=None)
    if stride == 1 and entry.shape[-1] == channels:
        x = keras.layers.Add(name=f"{name}_add")([entry, x])
    return x


def global_depthwise(x: Any, name: str) -> Any:
    """Return the weighted sum of each channel's positions, (batch, 1, 1, channels); the weights are trained (3.2)."""
    x = keras.layers.DepthwiseConv2D(
        x.shape[1:3],
        use_bias=False,
        depthwise_initializer=keras.initializers.VarianceScaling(1.0, "fan_out"),
        name=f"{name}_depthwise",
    )(x)
    return batch_norm(x, f"{name}_depthwise_bn")
