"""MobileNetV3 (Howard et al. 2019, https://arxiv.org/abs/1905.02244), tables 1 and 2, and its minimalistic variants.

The minimalistic variants have 3x3 kernels, ReLU and no squeeze-and-excitation, for hardware that is slow at the rest
(https://github.com/tensorflow/models/tree/master/research/slim/nets/mobilenet).
"""

from functools import partial
from typing import Any

from edge.models.blocks import conv_bn, image_input, inverted_residual, staged
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

RE, HS = "relu", "hard_swish"

# the columns of the paper's tables: kernel, exp size, out, SE, NL, s
LARGE = (
    (3, 16, 16, False, RE, 1),
    (3, 64, 24, False, RE, 2),
    (3, 72, 24, False, RE, 1),
    (5, 72, 40, True, RE, 2),
    (5, 120, 40, True, RE, 1),
    (5, 120, 40, True, RE, 1),
    (3, 240, 80, False, HS, 2),
    (3, 200, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 184, 80, False, HS, 1),
    (3, 480, 112, True, HS, 1),
    (3, 672, 112, True, HS, 1),
    (5, 672, 160, True, HS, 2),
    (5, 960, 160, True, HS, 1),
    (5, 960, 160, True, HS, 1),
)
SMALL = (
    (3, 16, 16, True, RE, 2),
    (3, 72, 24, False, RE, 2),
    (3, 88, 24, False, RE, 1),
    (5, 96, 40, True, HS, 2),
    (5, 240, 40, True, HS, 1),
    (5, 240, 40, True, HS, 1),
    (5, 120, 48, True, HS, 1),
    (5, 144, 48, True, HS, 1),
    (5, 288, 96, True, HS, 2),
    (5, 576, 96, True, HS, 1),
    (5, 576, 96, True, HS, 1),
)
HIDDEN = {LARGE: 1280, SMALL: 1024}
"""The units of the layer between the pooling and the classifier."""


def _mobilenet_v3(
    name: str,
    rows: tuple[tuple[int, int, int, bool, str, int], ...],
    minimalistic: bool,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return MobileNetV3. Widths other than 1 are as in the reference code.

    There exp size is a ratio to the block's input, and the hidden layer keeps all its units for widths below 1.
    """
    stride, last = Strides(downsample), RE if minimalistic else HS
    inputs = image_input(input_shape)
    before = 16
    x = conv_bn(inputs, round_channels(before * width), "stem", kernel=3, stride=stride(2), act=last)
    for block, (kernel, exp, out, excite, act, step) in staged(rows):
        expanded = round_channels(exp / before * x.shape[-1])
        reduced = round_channels(expanded / 4) if excite else 0
        if minimalistic:
            kernel, act, reduced = 3, RE, 0
        x = inverted_residual(x, expanded, round_channels(out * width), block, kernel, stride(step), act, reduced)
        before = out
    x = conv_bn(x, round_channels(6 * x.shape[-1]), "head", act=last)
    hidden = round_channels(HIDDEN[rows] * max(1.0, width))
    return classifier(inputs, x, classes, name, dropout, hidden=(hidden, last))


mobilenet_v3_large = partial(_mobilenet_v3, "mobilenet_v3_large", LARGE, False)
mobilenet_v3_small = partial(_mobilenet_v3, "mobilenet_v3_small", SMALL, False)
mobilenet_v3_large_minimalistic = partial(_mobilenet_v3, "mobilenet_v3_large_minimalistic", LARGE, True)
mobilenet_v3_small_minimalistic = partial(_mobilenet_v3, "mobilenet_v3_small_minimalistic", SMALL, True)
