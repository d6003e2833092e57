"""DeepLabV3+ (Chen et al. 2018, https://arxiv.org/abs/1802.02611), figure 2, on MobileNetV2.

The factors of upsampling are fixed when the network is built, so that the shapes in its file are static.
"""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.backbones import tap, taps
from edge.models.blocks import conv_bn, depthwise_bn
from edge.models.families.mobilenet_v2 import mobilenet_v2
from edge.models.heads.unet import segmenter
from edge.models.scaling import round_channels

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
"""The dilations of the pyramid, by the output stride (DeepLabV3, https://arxiv.org/abs/1706.05587, section 3.3)."""

PYRAMID, LOW_LEVEL, DECODER = 256, 48, 256
"""The channels of the pyramid, of the reduced low-level features, and of the decoder."""

FEATURES = "stage7_block1_project_bn"
"""The layer with MobileNetV2's last 320 channels. Its section 6.3 leaves out the 1x1 convolution to 1280 channels."""


def deeplab_v3plus(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, output_stride: int = 16, dropout: float = 0.0
) -> Any:
    """Return DeepLabV3+, with (batch, height, width, classes) float32 probabilities.

    Args:
        input_shape: (height, width, channels), with sides that are multiples of ``output_stride``.
        classes: number of classes of a pixel.
        width: width multiplier of backbone, pyramid and decoder.
        output_stride: 16 or 8. Strides of the backbone beyond it become dilation.
        dropout: rate before the last convolution; 0 for none.

    Raises:
        InputError: ``output_stride`` is another.
    """
    if output_stride not in RATES:
        raise InputError(f"output_stride must be one of {', '.join(map(str, RATES))}, got {output_stride}")
    backbone = mobilenet_v2(input_shape, classes, width, output_stride=output_stride)
    backbone = tap(backbone, [FEATURES, taps(backbone)[4]])
    x, low = backbone.outputs
    x = pyramid(x, round_channels(PYRAMID * width), RATES[output_stride])
    x = resize(x, output_stride // 4, "decoder_up")
    low = conv_bn(low, round_channels(LOW_LEVEL * width), "decoder_low")
    x = keras.layers.Concatenate(name="decoder_concat")([low, x])
    for step in (1, 2):
        x = separable(x, round_channels(DECODER * width), f"decoder_conv{step}")
    return segmenter(backbone.inputs, x, classes, "deeplab_v3plus", dropout, scale=4)


def separable(x: Any, channels: int, name: str, dilation: int = 1) -> Any:
    """Apply the paper's atrous separable convolution: depthwise 3x3 and 1x1, both with batch normalization and ReLU."""
    return conv_bn(depthwise_bn(x, name, dilation=dilation), channels, f"{name}_pointwise")


def pyramid(x: Any, channels: int, rates: tuple[int, ...]) -> Any:
    """Apply atrous spatial pyramid pooling: 1x1, a separable convolution for each rate, and the mean of the image."""
    height, width = x.shape[1:3]
    branches = [conv_bn(x, channels, "aspp_1x1")]
    branches += [separable(x, channels, f"aspp_rate{step}", rate) for step, rate in enumerate(rates, start=1)]
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name="aspp_mean")(x)
    branches.append(resize(conv_bn(mean, channels, "aspp_image"), (height, width), "aspp_image_up"))
    x = keras.layers.Concatenate(name="aspp_concat")(branches)
    return conv_bn(x, channels, "aspp_project")


def resize(x: Any, factor: int | tuple[int, int], name: str) -> Any:
    """Upsample bilinearly by a whole factor, or by one for each side."""
    return keras.layers.UpSampling2D(factor, interpolation="bilinear", name=name)(x)
