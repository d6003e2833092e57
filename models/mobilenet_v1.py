"""MobileNetV1 (Howard et al. 2017, https://arxiv.org/abs/1704.04861), table 1."""

from typing import Any

from edge.models.blocks import classifier, conv_bn, depthwise_bn, image_input
from edge.models.scaling import Strides, round_channels

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
    """Return MobileNetV1. downsample: total stride, see ``edge.models.scaling.Strides``."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=stride(2), act="relu6")
    for index, (channels, step) in enumerate(ROWS, start=1):
        name = f"block{index}"
        x = depthwise_bn(x, name, stride=stride(step), act="relu6")
        x = conv_bn(x, round_channels(channels * width), f"{name}_pointwise", act="relu6")
    return classifier(inputs, x, classes, "mobilenet_v1", dropout)
