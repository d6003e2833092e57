"""MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381), table 2."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import conv_bn, depthwise_bn, image_input
from edge.models.scaling import Dilation, Strides, round_channels
from edge.models.tops import classifier

# t expansion, c output channels, n repeats, s stride of the first repeat
ROWS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def inverted_residual(x: Any, channels: int, stride: int, expansion: int, name: str, dilation: int = 1) -> Any:
    """Apply the block of figure 4: expand by 1x1, depthwise 3x3, project by 1x1 without activation.

    Where input and output have the same shape, they are added.
    """
    entry = x
    if expansion != 1:
        x = conv_bn(x, entry.shape[-1] * expansion, f"{name}_expand", act="relu6")
    x = depthwise_bn(x, name, stride=stride, act="relu6", dilation=dilation)
    x = conv_bn(x, channels, f"{name}_project", act=None)
    if stride == 1 and entry.shape[-1] == channels:
        x = keras.layers.Add(name=f"{name}_add")([entry, x])
    return x


def mobilenet_v2(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    output_stride: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return MobileNetV2. As in the paper, the last convolution has 1280 channels for widths below 1.

    Strides beyond a total of ``output_stride`` become dilation, for dense prediction.
    """
    stride, dilate = Strides(downsample), Dilation(output_stride)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=dilate(stride(2))[0], act="relu6")
    for stage, (expansion, channels, repeats, step) in enumerate(ROWS, start=1):
        for block in range(repeats):
            step_here, dilation = dilate(stride(step) if block == 0 else 1)
            name = f"stage{stage}_block{block + 1}"
            x = inverted_residual(x, round_channels(channels * width), step_here, expansion, name, dilation)
    x = conv_bn(x, round_channels(1280 * max(1.0, width)), "head", act="relu6")
    return classifier(inputs, x, classes, "mobilenet_v2", dropout)
