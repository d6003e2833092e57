"""Inception v1, GoogLeNet (Szegedy et al. 2014, https://arxiv.org/abs/1409.4842), table 1."""

from typing import Any, NamedTuple

import tf_keras as keras

from edge.models.blocks import conv_bn, image_input
from edge.models.scaling import Strides, scale_channels
from edge.models.tops import classifier


class Row(NamedTuple):
    """The output channels of an inception module's convolutions, which are the columns of table 1."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool_proj: int


STAGES = {
    3: (Row(64, 96, 128, 16, 32, 32), Row(128, 128, 192, 32, 96, 64)),
    4: (
        Row(192, 96, 208, 16, 48, 64),
        Row(160, 112, 224, 24, 64, 64),
        Row(128, 128, 256, 24, 64, 64),
        Row(112, 144, 288, 32, 64, 64),
        Row(256, 160, 320, 32, 128, 128),
    ),
    5: (Row(256, 160, 320, 32, 128, 128), Row(384, 192, 384, 48, 128, 128)),
}
"""The modules of each stage, by the stage's number in the paper."""


def max_pool(x: Any, stride: int, name: str) -> Any:
    """Apply a 3x3 pooling with stride 2, or nothing where ``stride`` is 1."""
    return keras.layers.MaxPooling2D(3, 2, padding="same", name=name)(x) if stride == 2 else x


def inception(x: Any, row: Row, name: str) -> Any:
    """Apply four branches side by side (figure 2 b): 1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1."""
    three = conv_bn(x, row.three_reduce, f"{name}_3x3_reduce")
    five = conv_bn(x, row.five_reduce, f"{name}_5x5_reduce")
    pooled = keras.layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    branches = [
        conv_bn(x, row.one, f"{name}_1x1"),
        conv_bn(three, row.three, f"{name}_3x3", kernel=3),
        conv_bn(five, row.five, f"{name}_5x5", kernel=5),
        conv_bn(pooled, row.pool_proj, f"{name}_pool_proj"),
    ]
    return keras.layers.Concatenate(name=f"{name}_concat")(branches)


def inception_v1(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return Inception v1. The paper's dropout is 0.4.

    Unlike the paper's, it has batch normalization behind every convolution (https://arxiv.org/abs/1502.03167) instead
    of local response normalization, and no auxiliary classifiers.
    """
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, scale_channels(64, width, "stem1"), "stem1", kernel=7, stride=stride(2))
    x = max_pool(x, stride(2), "stem1_pool")
    x = conv_bn(x, scale_channels(64, width, "stem2_reduce"), "stem2_reduce")
    x = conv_bn(x, scale_channels(192, width, "stem2"), "stem2", kernel=3)
    for stage, rows in STAGES.items():
        x = max_pool(x, stride(2), f"stage{stage}_pool")
        for block, row in enumerate(rows, start=1):
            name = f"stage{stage}_block{block}"
            x = inception(x, Row(*(scale_channels(c, width, name) for c in row)), name)
    return classifier(inputs, x, classes, "inception_v1", dropout)
