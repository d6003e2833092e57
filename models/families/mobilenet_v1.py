"""MobileNetV1 (Howard et al. 2017, https://arxiv.org/abs/1704.04861), table 1."""

from typing import Any

from edge.models.blocks import conv_bn, depthwise_bn, image_input
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# output channels, stride of the depthwise convolution
ROWS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


def mobilenet_v1(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return MobileNetV1. ``downsample`` is the total stride, see ``edge.models.scaling.Strides``."""
    return _mobilenet_v1("mobilenet_v1", input_shape, classes, width, downsample, dropout)


def mobilenet_v1_025_96(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return the network of MLPerf Tiny's visual wake words (https://arxiv.org/abs/2106.07597, table 1).

    It is MobileNetV1 with a quarter of the channels, which ``width`` multiplies. As in the reference code
    (https://github.com/mlcommons/tiny), it has ReLU, and convolutions with a bias although batch normalization follows.
    """
    name = "mobilenet_v1_025_96"
    return _mobilenet_v1(name, input_shape, classes, 0.25 * width, downsample, dropout, act="relu", bias=True)


def _mobilenet_v1(
    name: str,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float,
    downsample: int,
    dropout: float,
    act: str = "relu6",
    bias: bool = False,
) -> Any:
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=stride(2), act=act, bias=bias)
    for index, (channels, step) in enumerate(ROWS, start=1):
        block = f"block{index}"
        x = depthwise_bn(x, block, stride=stride(step), act=act, bias=bias)
        x = conv_bn(x, round_channels(channels * width), f"{block}_pointwise", act=act, bias=bias)
    return classifier(inputs, x, classes, name, dropout)
