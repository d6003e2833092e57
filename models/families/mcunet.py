"""MCUNet (Lin et al. 2020, https://arxiv.org/abs/2007.10319): networks found by search for a microcontroller's memory.

There are two of the authors' model zoo (https://github.com/mit-han-lab/mcunet). ``mcunet-in2`` for ImageNet fits 256 kB
of SRAM and 1 MB of flash; ``mcunet-vww2`` for visual wake words fits 320 kB and 1 MB.
"""

from functools import partial
from typing import Any

from edge.models.blocks import conv_bn, image_input, inverted_residual, staged
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

Rows = tuple[tuple[int, int, int, int], ...]
"""Rows of kernel, expansion, output channels and stride."""

IN2: Rows = (
    (3, 1, 8, 1),
    (5, 3, 16, 2),
    (7, 6, 16, 1),
    (3, 5, 16, 1),
    (5, 5, 16, 1),
    (3, 5, 24, 2),
    (7, 6, 24, 1),
    (5, 6, 24, 1),
    (7, 4, 40, 2),
    (5, 5, 40, 1),
    (3, 5, 48, 1),
    (5, 5, 48, 1),
    (3, 4, 48, 1),
    (5, 6, 96, 2),
    (5, 4, 96, 1),
    (5, 3, 96, 1),
    (3, 4, 96, 1),
    (5, 5, 160, 1),
)
VWW2: Rows = (
    (3, 1, 8, 1),
    (3, 3, 16, 2),
    (3, 5, 16, 1),
    (5, 6, 16, 1),
    (3, 3, 16, 1),
    (7, 5, 24, 2),
    (5, 4, 24, 1),
    (3, 4, 24, 1),
    (7, 6, 24, 1),
    (3, 6, 40, 2),
    (7, 6, 40, 1),
    (5, 4, 40, 1),
    (3, 5, 40, 1),
    (5, 5, 48, 1),
    (5, 3, 48, 1),
    (3, 4, 48, 1),
    (5, 3, 48, 1),
    (3, 4, 96, 2),
    (5, 5, 96, 1),
    (5, 4, 96, 1),
    (3, 4, 96, 1),
    (3, 5, 160, 1),
)


def _mcunet(
    name: str,
    rows: Rows,
    input_shape: tuple[int, int, int],
    classes: int,
    width: float = 1.0,
    downsample: int = 32,
    dropout: float = 0.0,
) -> Any:
    """Return the MCUNet of a table of rows."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(16 * width), "stem", kernel=3, stride=stride(2), act="relu6")
    for block, (kernel, expansion, channels, step) in staged(rows):
        expanded = expansion * x.shape[-1]
        x = inverted_residual(x, expanded, round_channels(channels * width), block, kernel, stride(step))
    return classifier(inputs, x, classes, name, dropout)


mcunet_in2 = partial(_mcunet, "mcunet_in2", IN2)
mcunet_vww2 = partial(_mcunet, "mcunet_vww2", VWW2)
