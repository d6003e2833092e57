"""ResNet (He et al. 2015, https://arxiv.org/abs/1512.03385), table 1, with 18, 34 and 50 layers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import tf_keras as keras

from edge.models.blocks import activation, conv_bn, image_input
from edge.models.scaling import Strides, scale_channels
from edge.models.tops import classifier

CHANNELS = (64, 128, 256, 512)
"""The channels of the 3x3 convolutions of each stage."""
REPEATS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
"""The number of blocks of each stage, by the number of layers."""
EXPANSION = 4
"""The output channels of a bottleneck, in units of the channels of its 3x3 convolution."""

Block = Callable[[Any, int, int, str], Any]


def basic(x: Any, channels: int, stride: int, name: str) -> Any:
    """Apply a basic block: two 3x3 convolutions and a shortcut (figure 5, left)."""
    entry = x
    x = conv_bn(x, channels, f"{name}_conv1", kernel=3, stride=stride)
    x = conv_bn(x, channels, f"{name}_conv2", kernel=3, act=None)
    return join(entry, x, stride, name)


def bottleneck(x: Any, channels: int, stride: int, name: str) -> Any:
    """Apply a bottleneck: reduce by 1x1, 3x3, expand by 1x1, and a shortcut (figure 5, right).

    As in version 1.5, the stride is in the 3x3 convolution; in the paper it is in the first one.
    """
    entry = x
    x = conv_bn(x, channels, f"{name}_reduce")
    x = conv_bn(x, channels, f"{name}_conv", kernel=3, stride=stride)
    x = conv_bn(x, EXPANSION * channels, f"{name}_expand", act=None)
    return join(entry, x, stride, name)


def join(entry: Any, x: Any, stride: int, name: str) -> Any:
    """Add the block's input, through a 1x1 convolution where the shape changes (option B), and apply ReLU."""
    if stride != 1 or entry.shape[-1] != x.shape[-1]:
        entry = conv_bn(entry, x.shape[-1], f"{name}_shortcut", stride=stride, act=None)
    return activation(keras.layers.Add(name=f"{name}_add")([entry, x]), "relu", name)


def resnet(
    layers: int,
    block: Block,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return ResNet with 18, 34 or 50 layers. With ``downsample`` below 16 the stem has no pooling, either."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, scale_channels(CHANNELS[0], width, "stem"), "stem", kernel=7, stride=stride(2))
    if stride(2) == 2:
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for stage, (channels, repeats) in enumerate(zip(CHANNELS, REPEATS[layers], strict=True), start=1):
        for index in range(1, repeats + 1):
            step = stride(2) if stage > 1 and index == 1 else 1
            name = f"stage{stage}_block{index}"
            x = block(x, scale_channels(channels, width, name), step, name)
    return classifier(inputs, x, classes, f"resnet{layers}", dropout)


resnet18 = partial(resnet, 18, basic)
resnet34 = partial(resnet, 34, basic)
resnet50 = partial(resnet, 50, bottleneck)
