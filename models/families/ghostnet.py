"""GhostNet (Han et al. 2020, https://arxiv.org/abs/1911.11907), table 1, where half the maps come from the others."""

from typing import Any

import tf_keras as keras

from edge.models.blocks import conv_bn, depthwise_bn, image_input, squeeze_excite, staged
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# kernel, #exp, #out, SE, stride
ROWS = (
    (3, 16, 16, False, 1),
    (3, 48, 24, False, 2),
    (3, 72, 24, False, 1),
    (5, 72, 40, True, 2),
    (5, 120, 40, True, 1),
    (3, 240, 80, False, 2),
    (3, 200, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 184, 80, False, 1),
    (3, 480, 112, True, 1),
    (3, 672, 112, True, 1),
    (5, 672, 160, True, 2),
    (5, 960, 160, False, 1),
    (5, 960, 160, True, 1),
    (5, 960, 160, False, 1),
    (5, 960, 160, True, 1),
)


def ghost_module(x: Any, channels: int, name: str, act: str | None = "relu") -> Any:
    """Apply a ghost module (section 3.1): a 1x1 convolution makes half of the channels, a 3x3 depthwise one the others.

    The depthwise convolution reads the first half. ``channels`` must be even.
    """
    primary = conv_bn(x, channels // 2, f"{name}_primary", act=act)
    cheap = depthwise_bn(primary, f"{name}_cheap", act=act)
    return keras.layers.Concatenate(name=f"{name}_concat")([primary, cheap])


def ghost_bottleneck(x: Any, kernel: int, expanded: int, channels: int, excite: bool, stride: int, name: str) -> Any:
    """Apply two ghost modules, with stride 2 also a depthwise convolution between them, and a shortcut (figure 3).

    Args:
        x: (batch, height, width, channels).
        kernel: side of the depthwise kernels with stride 2 and of the shortcut.
        expanded: channels between the two modules.
        channels: output channels.
        excite: whether a squeeze-and-excitation stands before the second module.
        stride: 1 or 2.
        name: prefix of the layers' names.
    """
    entry = x
    x = ghost_module(x, expanded, f"{name}_expand")
    if stride == 2:
        x = depthwise_bn(x, name, kernel, stride, act=None)
    if excite:
        x = squeeze_excite(x, round_channels(expanded / 4, 4), f"{name}_excite")
    x = ghost_module(x, channels, f"{name}_project", act=None)
    if stride == 2 or entry.shape[-1] != channels:
        entry = depthwise_bn(entry, f"{name}_shortcut", kernel, stride, act=None)
        entry = conv_bn(entry, channels, f"{name}_shortcut", act=None)
    return keras.layers.Add(name=f"{name}_add")([entry, x])


def ghostnet(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return GhostNet. The hidden layer has 1280 units at every width, as in the reference code."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(16 * width, 4), "stem", kernel=3, stride=stride(2))
    for block, (kernel, exp, out, excite, step) in staged(ROWS):
        expanded, channels = round_channels(exp * width, 4), round_channels(out * width, 4)
        x = ghost_bottleneck(x, kernel, expanded, channels, excite, stride(step), block)
    x = conv_bn(x, round_channels(960 * width, 4), "head")
    return classifier(inputs, x, classes, "ghostnet", dropout, hidden=(1280, "relu"))
