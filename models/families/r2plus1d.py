"""R(2+1)D (Tran et al. 2018, https://arxiv.org/abs/1711.11248), table 1: a ResNet over clips, space and time apart."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import activation
from edge.models.conv3d import Sizes, clip_input, conv3d
from edge.models.scaling import scale_channels
from edge.models.tops import probabilities

# c channels, n blocks, s stride of the first block in time, height and width
ROWS = ((64, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2))
STEM_CHANNELS, STEM_BETWEEN = 64, 45


def r2plus1d_18(input_shape: tuple[int, int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return R(2+1)D-18, which maps (batch, frames, height, width, channels) to one class a clip."""
    inputs = clip_input(input_shape)
    between = scale_channels(STEM_BETWEEN, width, "stem")
    x = conv3d(inputs, between, "stem_space", (1, 7, 7), (1, 2, 2), normalized=True)
    x = conv3d(x, scale_channels(STEM_CHANNELS, width, "stem"), "stem_time", (3, 1, 1), normalized=True)
    for stage, (channels, repeats, step) in enumerate(ROWS, start=2):
        for block in range(1, repeats + 1):
            name = f"stage{stage}_block{block}"
            x = basic_block(x, scale_channels(channels, width, name), step if block == 1 else 1, name)
    x = keras.layers.GlobalAveragePooling3D(name="pool")(x)
    return keras.Model(inputs, probabilities(x, classes, dropout), name="r2plus1d_18")


def basic_block(x: Any, channels: int, stride: int, name: str) -> Any:
    """Apply two (2+1)-D convolutions and add the input, through a 1x1x1 convolution where the shape changes."""
    entry = x
    between = channels_between(entry.shape[-1], channels)
    x = conv2plus1d(x, channels, between, stride, f"{name}_conv1", "relu")
    x = conv2plus1d(x, channels, between, 1, f"{name}_conv2", None)
    if stride != 1 or entry.shape[-1] != channels:
        strides: Sizes = (stride, stride, stride)
        entry = conv3d(entry, channels, f"{name}_shortcut", (1, 1, 1), strides, None, normalized=True)
    return activation(keras.layers.Add(name=f"{name}_add")([entry, x]), "relu", name)


def conv2plus1d(x: Any, channels: int, between: int, stride: int, name: str, act: str | None) -> Any:
    """Apply a 1x3x3 convolution to ``between`` channels, ReLU, and a 3x1x1 convolution to ``channels``."""
    x = conv3d(x, between, f"{name}_space", (1, 3, 3), (1, stride, stride), normalized=True)
    return conv3d(x, channels, f"{name}_time", (3, 1, 1), (stride, 1, 1), act, normalized=True)


def channels_between(entry: int, channels: int) -> int:
    """Return the channels between a pair that give it as many weights as a 3x3x3 convolution (section 3.5).

    As in the authors' code and torchvision, the second pair of a block has as many as the first.
    """
    return max(1, 27 * entry * channels // (9 * entry + 3 * channels))
