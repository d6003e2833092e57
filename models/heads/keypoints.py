"""The head for heat maps of keypoints of Simple Baselines, on a MobileNetV2 backbone instead of the paper's ResNet.

The head (Xiao et al. 2018, https://arxiv.org/abs/1804.06208) has three transposed convolutions of 4x4 and 256 channels
on features of stride 32, and a 1x1 convolution to one heat map for each keypoint.
"""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.backbones import tap, taps
from edge.models.blocks import conv, conv_transpose_bn
from edge.models.families.mobilenet_v2 import mobilenet_v2
from edge.models.scaling import round_channels

HEAD = (256, 256, 256)
"""The channels of the transposed convolutions, of which each doubles the resolution."""

HEATMAPS = ("linear", "sigmoid")

INITIAL_DEVIATION = 0.001
"""The standard deviation of the last kernel's initial values, as in the code of the paper.

Heat maps are nearly zero almost everywhere, so the network should start with such maps. On drawn figures with SGD at a
learning rate of 0.001, the mean loss of the first epoch was 2.9; with a deviation of 0.18, as He initialization has, it
was 34. Learning rates of 0.005 and more diverged with both.
"""


def keypoints_mobilenet_v2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, heatmaps: str = "linear", dropout: float = 0.0
) -> Any:
    """Return a network whose output is a heat map with a peak at each keypoint.

    The output is (batch, height / 4, width / 4, classes) float32.

    Args:
        input_shape: (height, width, channels). Height and width are multiples of 32.
        classes: number of keypoints.
        width: width multiplier of backbone and head.
        heatmaps: the last activation: "linear" as in the paper, or "sigmoid" for values from 0 to 1.
        dropout: dropout rate before the last convolution; 0 for none.

    Raises:
        InputError: ``heatmaps`` has another value.
    """
    if heatmaps not in HEATMAPS:
        raise InputError(f"heatmaps must be one of {', '.join(HEATMAPS)}, got {heatmaps!r}")
    backbone = mobilenet_v2(input_shape, classes, width)
    backbone = tap(backbone, [taps(backbone)[32]])
    x = backbone.outputs[0]
    for step, channels in enumerate(HEAD, start=1):
        x = conv_transpose_bn(x, round_channels(channels * width), f"up{step}", kernel=4)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    initializer = keras.initializers.RandomNormal(stddev=INITIAL_DEVIATION)
    x = conv(x, classes, "classifier", act=None, initializer=initializer)
    x = keras.layers.Activation(heatmaps, dtype="float32", name="heatmaps")(x)
    return keras.Model(backbone.inputs, x, name="keypoints_mobilenet_v2")
