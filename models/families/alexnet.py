"""AlexNet of 2012 (Krizhevsky et al., figure 2), and AlexNet with a single tower (https://arxiv.org/abs/1404.5997).

The paper of 2012 is https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tf_keras as keras

from edge.models.blocks import Padding, conv, image_input
from edge.models.scaling import scale_channels
from edge.models.tops import flat_classifier


@dataclass(frozen=True)
class Row:
    """A convolution.

    Attributes:
        channels: output channels at width 1.
        kernel: side of the kernel.
        stride: of both axes.
        padding: see ``edge.models.blocks.Padding``.
        groups: groups of channels that are convolved apart.
        pooled: whether a max pooling of 3x3 with stride 2 follows, without padding.
    """

    channels: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"
    groups: int = 1
    pooled: bool = False


SINGLE_TOWER = (
    Row(64, 11, stride=4, padding=2, pooled=True),
    Row(192, 5, pooled=True),
    Row(384, 3),
    Row(256, 3),
    Row(256, 3, pooled=True),
)
"""The rows of torchvision's AlexNet, for 224x224."""

TWO_TOWERS = (
    Row(96, 11, stride=4, padding="valid", pooled=True),
    Row(256, 5, groups=2, pooled=True),
    Row(384, 3),
    Row(384, 3, groups=2),
    Row(256, 3, groups=2, pooled=True),
)
"""The rows of 2012, with a group for each of the paper's two graphics processors. The paper says that the input is
224x224, but its 55x55 outputs of the first row need 227x227."""

HIDDEN = 4096


def alexnet(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return AlexNet with a single tower. The paper's dropout, before the hidden dense layers, is 0.5."""
    return _alexnet("alexnet", SINGLE_TOWER, input_shape, classes, width, dropout)


def alexnet_2012(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return AlexNet of 2012. The paper's dropout, before the hidden dense layers, is 0.5.

    The local response normalization of section 3.3 is left out, because no delegate takes it, and it has no int8
    kernel. It has no weights, and later networks work without it (section 2.1 of VGG's paper finds it slower and no
    better).
    """
    return _alexnet("alexnet_2012", TWO_TOWERS, input_shape, classes, width, dropout)


def _alexnet(
    name: str, rows: Sequence[Row], input_shape: tuple[int, int, int], classes: int, width: float, dropout: float
) -> Any:
    divisor = max(row.groups for row in rows)
    inputs = x = image_input(input_shape)
    for index, row in enumerate(rows, start=1):
        layer = f"conv{index}"
        channels = scale_channels(row.channels, width, layer, divisor)
        x = conv(x, channels, layer, row.kernel, row.stride, row.groups, padding=row.padding)
        if row.pooled:
            x = keras.layers.MaxPooling2D(3, 2, name=f"{layer}_pool")(x)
    hidden = {layer: scale_channels(HIDDEN, width, layer) for layer in ("hidden1", "hidden2")}
    return flat_classifier(inputs, x, hidden, classes, name, dropout)
