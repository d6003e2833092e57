"""ShuffleNetV2 (Ma et al. 2018, https://arxiv.org/abs/1807.11164), table 5, with channel split and shuffle."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import conv_bn, depthwise_bn, image_input
from edge.models.layers import ChannelShuffle, ChannelSplit
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# the output channels of stages 2, 3 and 4 and of the last convolution, by the width
CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)
STEM_CHANNELS = 24


def stage_channels(width: float) -> tuple[int, int, int, int]:
    """Return the channels of stages 2 to 4 and of the head. Widths that table 5 lacks get rounded multiples."""
    if width in CHANNELS:
        return CHANNELS[width]
    first = round_channels(116 * width, 4)
    return first, 2 * first, 4 * first, round_channels(1024 * max(1.0, width))


def branch(x: Any, channels: int, stride: int, name: str) -> Any:
    """Apply the right branch of figure 3 (c) and (d): 1x1, depthwise 3x3, 1x1."""
    x = conv_bn(x, channels, f"{name}_reduce")
    x = depthwise_bn(x, name, stride=stride, act=None)
    return conv_bn(x, channels, f"{name}_expand")


def basic_unit(x: Any, name: str) -> Any:
    """Split the channels, apply the branch to one half, concatenate and shuffle (figure 3 c)."""
    kept, worked = ChannelSplit(name=f"{name}_split")(x)
    worked = branch(worked, worked.shape[-1], 1, name)
    x = keras.layers.Concatenate(name=f"{name}_concat")([kept, worked])
    return ChannelShuffle(2, name=f"{name}_shuffle")(x)


def widening_unit(x: Any, channels: int, stride: int, name: str) -> Any:
    """Apply two branches to the whole input, concatenate and shuffle, so that the channels grow (figure 3 d)."""
    shortcut = depthwise_bn(x, f"{name}_shortcut", stride=stride, act=None)
    shortcut = conv_bn(shortcut, channels // 2, f"{name}_shortcut")
    x = keras.layers.Concatenate(name=f"{name}_concat")([shortcut, branch(x, channels // 2, stride, name)])
    return ChannelShuffle(2, name=f"{name}_shuffle")(x)


def shufflenet_v2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return ShuffleNetV2. With ``downsample`` below 16 the stem has no pooling, either."""
    stride = Strides(downsample)
    *stages, head = stage_channels(width)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, STEM_CHANNELS, "stem", kernel=3, stride=stride(2))
    if stride(2) == 2:
        x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for stage, (channels, repeats) in enumerate(zip(stages, REPEATS, strict=True), start=2):
        x = widening_unit(x, channels, stride(2), f"stage{stage}_block1")
        for block in range(2, repeats + 1):
            x = basic_unit(x, f"stage{stage}_block{block}")
    x = conv_bn(x, head, "head")
    return classifier(inputs, x, classes, "shufflenet_v2", dropout)
