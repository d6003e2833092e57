"""U-Net (Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597), figure 1, and a U-Net on MobileNetV2's features.

They differ from the paper's in two points. Padding is ``same`` instead of ``valid``, so that a skip joins without
cropping and the output has the size of the input. And batch normalization follows every 3x3 convolution.
"""

from collections.abc import Sequence
from typing import Any

import tf_keras as keras

from edge.models.backbones import tap, taps
from edge.models.blocks import conv, conv_bn, conv_transpose, image_input
from edge.models.families.mobilenet_v2 import mobilenet_v2
from edge.models.scaling import round_channels, scale_channels
from edge.models.tops import softmax

CHANNELS = (64, 128, 256, 512, 1024)
"""The channels at each resolution, beginning with that of the input."""

DECODER = {16: 256, 8: 128, 4: 64, 2: 32, 1: 16}
"""The channels of the decoder behind MobileNetV2, by stride. As in the paper, half as many at twice the resolution."""


def double_conv(x: Any, channels: int, name: str) -> Any:
    """Apply two 3x3 convolutions."""
    x = conv_bn(x, channels, f"{name}_conv1", kernel=3)
    return conv_bn(x, channels, f"{name}_conv2", kernel=3)


def segmenter(inputs: Any, x: Any, classes: int, name: str, dropout: float = 0.0, scale: int = 1) -> Any:
    """Return a ``keras.Model`` that ends in dropout, a 1x1 convolution, and softmax over the classes of each pixel.

    Args:
        inputs: the network's input.
        x: its features, (batch, height / scale, width / scale, channels).
        classes: number of classes of a pixel.
        name: the model's name.
        dropout: rate before the convolution; 0 for none.
        scale: factor of the bilinear upsampling between convolution and softmax.
    """
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = conv(x, classes, "classifier", act=None)
    if scale > 1:
        x = keras.layers.UpSampling2D(scale, interpolation="bilinear", name="classifier_up")(x)
    return keras.Model(inputs, softmax(x), name=name)


def unet(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return U-Net, with (batch, height, width, classes) float32 probabilities.

    Height and width must be multiples of 16. As in the paper, the dropout is at the end of the contracting path.
    """
    channels = [scale_channels(c, width, "unet") for c in CHANNELS]
    inputs = x = image_input(input_shape)
    skips: list[Any] = []
    for level, count in enumerate(channels[:-1], start=1):
        x = double_conv(x, count, f"down{level}")
        skips.append(x)
        x = keras.layers.MaxPooling2D(name=f"down{level}_pool")(x)
    x = double_conv(x, channels[-1], "bottom")
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = decode(x, skips[::-1], channels[-2::-1])
    return segmenter(inputs, x, classes, "unet")


def unet_mobilenet_v2(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return a U-Net on MobileNetV2, with (batch, height, width, classes) float32 probabilities.

    MobileNetV2 is the contracting path, and its last layers at strides 2 to 16 are the skips. Height and width must be
    multiples of 32. ``width`` multiplies the channels of both paths.
    """
    encoder = mobilenet_v2(input_shape, classes, width)
    found = taps(encoder)
    encoder = tap(encoder, [found[stride] for stride in (32, 16, 8, 4, 2)])
    x, *skips = encoder.outputs
    x = decode(x, skips, [round_channels(c * width) for c in DECODER.values()])
    return segmenter(encoder.inputs, x, classes, "unet_mobilenet_v2", dropout)


def decode(x: Any, skips: Sequence[Any], channels: Sequence[int]) -> Any:
    """Apply the expansive path of figure 1, which doubles the resolution once for each of ``channels``.

    Each step is an up-convolution of 2x2 with bias, the concatenation of a skip as long as there is one, and two 3x3
    convolutions.
    """
    for step, count in enumerate(channels):
        stage = f"up{len(channels) - step}"
        x = conv_transpose(x, count, f"{stage}_up", act=None)
        if step < len(skips):
            x = keras.layers.Concatenate(name=f"{stage}_concat")([skips[step], x])
        x = double_conv(x, count, stage)
    return x
