"""MobileNetV4 (Qin et al. 2024, https://arxiv.org/abs/2404.10518), appendix D, the two convolutional networks."""

from functools import partial
from typing import Any

import tf_keras as keras

from edge.models.blocks import conv_bn, depthwise_bn, image_input, staged
from edge.models.scaling import Strides, round_channels
from edge.models.tops import probabilities

Convolution = tuple[int, int, str | None, int]
"""A row of kernel, output channels, activation and stride."""
Bottleneck = tuple[int, int, int, int, int]
"""A row of the depthwise kernel before the expansion and the one behind it (0 for none), expansion, output channels and
stride."""
Rows = tuple[Convolution | Bottleneck, ...]

SMALL: Rows = (
    (3, 32, "relu", 2),
    (1, 32, "relu", 1),
    (3, 96, "relu", 2),
    (1, 64, "relu", 1),
    (5, 5, 3, 96, 2),
    (0, 3, 2, 96, 1),
    (0, 3, 2, 96, 1),
    (0, 3, 2, 96, 1),
    (0, 3, 2, 96, 1),
    (3, 0, 4, 96, 1),
    (3, 3, 6, 128, 2),
    (5, 5, 4, 128, 1),
    (0, 5, 4, 128, 1),
    (0, 5, 3, 128, 1),
    (0, 3, 4, 128, 1),
    (0, 3, 4, 128, 1),
)
MEDIUM: Rows = (
    (3, 128, "relu", 2),  # with the next row the paper's fused bottleneck
    (1, 48, None, 1),
    (3, 5, 4, 80, 2),
    (3, 3, 2, 80, 1),
    (3, 5, 6, 160, 2),
    (3, 3, 4, 160, 1),
    (3, 3, 4, 160, 1),
    (3, 5, 4, 160, 1),
    (3, 3, 4, 160, 1),
    (3, 0, 4, 160, 1),
    (0, 0, 2, 160, 1),
    (3, 0, 4, 160, 1),
    (5, 5, 6, 256, 2),
    (5, 5, 4, 256, 1),
    (3, 5, 4, 256, 1),
    (3, 5, 4, 256, 1),
    (0, 0, 4, 256, 1),
    (3, 0, 4, 256, 1),
    (3, 5, 2, 256, 1),
    (5, 5, 4, 256, 1),
    (0, 0, 4, 256, 1),
    (0, 0, 4, 256, 1),
    (5, 0, 2, 256, 1),
)
HEAD, HIDDEN = 960, 1280


def universal_inverted_bottleneck(
    x: Any, start: int, middle: int, expansion: int, channels: int, stride: int, name: str
) -> Any:
    """Apply the universal inverted bottleneck (section 4): depthwise, expand by 1x1, depthwise, project by 1x1.

    With both depthwise kernels it is the paper's ExtraDW, with the second alone an inverted bottleneck, with the first
    alone ConvNext-like, and with none FFN. Where input and output have the same shape, they are added.

    Args:
        x: (batch, height, width, channels).
        start: side of the depthwise kernel before the expansion; 0 for none.
        middle: side of the depthwise kernel before the projection; 0 for none.
        expansion: channels between expansion and projection, in units of the input's.
        channels: output channels.
        stride: of the last depthwise convolution.
        name: prefix of the layers' names.
    """
    entry = x
    if start:
        x = depthwise_bn(x, f"{name}_start", start, 1 if middle else stride, act=None)
    x = conv_bn(x, round_channels(expansion * entry.shape[-1]), f"{name}_expand")
    if middle:
        x = depthwise_bn(x, name, middle, stride)
    x = conv_bn(x, channels, f"{name}_project", act=None)
    if stride == 1 and entry.shape[-1] == channels:
        x = keras.layers.Add(name=f"{name}_add")([entry, x])
    return x


def _mobilenet_v4(
    name: str,
    rows: Rows,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return MobileNetV4-Conv. The hidden layer keeps all its units for widths below 1."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=stride(2))
    for block, row in staged(rows):
        step, channels = stride(row[-1]), 0
        if len(row) == 4:
            kernel, channels, act, _ = row
            x = conv_bn(x, round_channels(channels * width), block, kernel, step, act=act)
        else:
            start, middle, expansion, channels, _ = row
            x = universal_inverted_bottleneck(
                x, start, middle, expansion, round_channels(channels * width), step, block
            )
    x = conv_bn(x, round_channels(HEAD * width), "head")
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    x = conv_bn(x, round_channels(HIDDEN * max(1.0, width)), "hidden")
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, probabilities(x, classes, dropout), name=name)


mobilenet_v4_conv_small = partial(_mobilenet_v4, "mobilenet_v4_conv_small", SMALL)
mobilenet_v4_conv_medium = partial(_mobilenet_v4, "mobilenet_v4_conv_medium", MEDIUM)
