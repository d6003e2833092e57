"""Heat maps of keypoints (Xiao et al. 2018, Simple Baselines, https://arxiv.org/abs/1804.06208) on MobileNetV2.

The head is the paper's: three transposed convolutions of 4x4 and 256 channels on features of stride 32. The paper's
backbone is ResNet.
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


def keypoints_mobilenet_v2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, heatmaps: str = "linear", dropout: float = 0.0
) -> Any:
    """Return a network for heat maps, (batch, height / 4, width / 4, classes) float32, with a peak at each keypoint.

    Args:
        input_shape: (height, width, channels), with sides that are multiples of 32.
        classes: number of keypoints.
        width: width multiplier of backbone and head.
        heatmaps: "linear" as in the paper, fitted by squared error to Gaussians of height 1, or "sigmoid" for 0 to 1.
        dropout: rate before the last convolution; 0 for none.

    Raises:
        InputError: ``heatmaps`` is another.
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
    x = conv(x, classes, "classifier", act=None)
    x = keras.layers.Activation(heatmaps, dtype="float32", name="heatmaps")(x)
    return keras.Model(backbone.inputs, x, name="keypoints_mobilenet_v2")
