"""ShuffleNet (Zhang et al. 2018, https://arxiv.org/abs/1707.01083), table 1, with grouped 1x1 and channel shuffle."""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.blocks import activation, conv_bn, depthwise_bn, image_input
from edge.models.layers import AveragePool, ChannelShuffle
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# the output channels of stage 2 by the number of groups; each later stage doubles them
STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
REPEATS = (4, 8, 4)
STEM_CHANNELS = 24


def unit(x: Any, channels: int, stride: int, groups: int, first_groups: int, widens: bool, name: str) -> Any:
    """Apply a ShuffleNet unit: grouped 1x1, shuffle, depthwise 3x3, grouped 1x1 (figure 2 b).

    A unit that ``widens`` (figure 2 c) concatenates its average-pooled input instead of adding it. In the paper the
    activation follows the concatenation. Here it is before it, where it is part of the convolution; that is the same,
    because the shortcut is never negative.

    Args:
        x: (batch, height, width, channels).
        channels: output channels.
        stride: of the depthwise convolution.
        groups: of the 1x1 convolutions.
        first_groups: of the first 1x1 convolution; 1 in the very first unit, because its input is too narrow.
        widens: whether the unit adds channels.
        name: prefix of the layers' names.
    """
    entry = x
    x = conv_bn(x, channels // 4, f"{name}_reduce", groups=first_groups)
    if groups > 1:
        x = ChannelShuffle(groups, name=f"{name}_shuffle")(x)
    x = depthwise_bn(x, name, stride=stride, act=None)
    if not widens:
        x = conv_bn(x, channels, f"{name}_expand", groups=groups, act=None)
        return activation(keras.layers.Add(name=f"{name}_add")([entry, x]), "relu", name)
    x = conv_bn(x, channels - entry.shape[-1], f"{name}_expand", groups=groups)
    if stride == 2:
        entry = AveragePool(name=f"{name}_shortcut")(entry)
    return keras.layers.Concatenate(name=f"{name}_concat")([entry, x])


def shufflenet_v1(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    groups: int = 3,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return ShuffleNetV1 with 1, 2, 3, 4 or 8 groups. Channels are rounded to multiples of 4 * groups."""
    if groups not in STAGE2_CHANNELS:
        raise InputError(f"groups must be one of {sorted(STAGE2_CHANNELS)} (table 1 of the paper), got {groups}")
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    stem = round_channels(STEM_CHANNELS * width, groups if groups != 1 else 8) if width != 1 else STEM_CHANNELS
    x = conv_bn(inputs, stem, "stem", kernel=3, stride=stride(2))
    if stride(2) == 2:
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for stage, repeats in enumerate(REPEATS, start=2):
        channels = STAGE2_CHANNELS[groups] * 2 ** (stage - 2)
        if width != 1:
            channels = round_channels(channels * width, 4 * groups)
        for block in range(repeats):
            widens = block == 0
            step = stride(2) if widens else 1
            first_groups = 1 if stage == 2 and widens else groups
            x = unit(x, channels, step, groups, first_groups, widens, f"stage{stage}_block{block + 1}")
    return classifier(inputs, x, classes, "shufflenet_v1", dropout)
