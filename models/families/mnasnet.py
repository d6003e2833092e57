"""MnasNet-B1 (Tan et al. 2019, https://arxiv.org/abs/1807.11626), figure 7, without squeeze-and-excitation."""

from typing import Any

from edge.models.blocks import conv_bn, image_input, inverted_residual
from edge.models.scaling import Strides, round_channels
from edge.models.tops import classifier

# kernel, expansion, output channels, repeats, stride of the first repeat
ROWS = (
    (3, 1, 16, 1, 1),
    (3, 3, 24, 3, 2),
    (5, 3, 40, 3, 2),
    (5, 6, 80, 3, 2),
    (3, 6, 96, 2, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


def mnasnet_b1(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, downsample: int = 32, dropout: float = 0.0
) -> Any:
    """Return MnasNet-B1. The last convolution has 1280 channels for widths below 1."""
    stride = Strides(downsample)
    inputs = image_input(input_shape)
    x = conv_bn(inputs, round_channels(32 * width), "stem", kernel=3, stride=stride(2))
    for stage, (kernel, expansion, channels, repeats, step) in enumerate(ROWS, start=1):
        for block in range(repeats):
            step_here = stride(step) if block == 0 else 1
            expanded = expansion * x.shape[-1]
            name = f"stage{stage}_block{block + 1}"
            x = inverted_residual(x, expanded, round_channels(channels * width), name, kernel, step_here, "relu")
    x = conv_bn(x, round_channels(1280 * max(1.0, width)), "head")
    return classifier(inputs, x, classes, "mnasnet_b1", dropout)
