"""EfficientNet-Lite 0 to 4 (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).

It is EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946), table 1, with ReLU6 and without
squeeze-and-excitation. The stem, the head and the repeats of the first and last row are the same in all variants.
"""

import math
from functools import partial
from typing import Any

from edge.models.blocks import conv_bn, image_input, inverted_residual
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# kernel, expansion, output channels, repeats, stride of the first repeat
ROWS = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
# width and depth multipliers of the variants, whose resolutions are in the table of networks
VARIANTS = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8))


def repeats_of(stage: int, repeats: int, depth: float) -> int:
    """Return how often a row is repeated at a depth multiplier. The first and the last row do not change."""
    return repeats if stage in (1, len(ROWS)) else math.ceil(repeats * depth)


def _efficientnet_lite(
    variant: int,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return EfficientNet-Lite. ``width`` multiplies the variant's own width, and the stem.

    The head has 1280 channels for widths below 1.
    """
    wider, deeper = VARIANTS[variant]
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=stride(2), act="relu6")
    for stage, (kernel, expansion, channels, repeats, step) in enumerate(ROWS, start=1):
        out = round_channels(channels * wider * width)
        for block in range(repeats_of(stage, repeats, deeper)):
            step_here = stride(step) if block == 0 else 1
            expanded = expansion * x.shape[-1]
            x = inverted_residual(x, expanded, out, f"stage{stage}_block{block + 1}", kernel, step_here)
    x = conv_bn(x, round_channels(1280 * max(1.0, width)), "head", act="relu6")
    return classifier(inputs, x, classes, f"efficientnet_lite{variant}", dropout)


efficientnet_lite0 = partial(_efficientnet_lite, 0)
efficientnet_lite1 = partial(_efficientnet_lite, 1)
efficientnet_lite2 = partial(_efficientnet_lite, 2)
efficientnet_lite3 = partial(_efficientnet_lite, 3)
efficientnet_lite4 = partial(_efficientnet_lite, 4)
