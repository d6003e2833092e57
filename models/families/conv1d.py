"""One-dimensional networks over sounds and time series, written with 2-D layers of height 1.

Keras' own 1-D convolution puts a reshape between the convolution and its batch normalization, so that the two cannot be
folded into one. Nor does quantization-aware training know it. The functions are the same.

M5 and M11 (Dai et al. 2016, https://arxiv.org/abs/1610.00087, table 1) are convolutions over the raw waveform. FCN
(Wang et al. 2016, https://arxiv.org/abs/1611.06455, figure 1 b and section II-B) is for any time series.
"""

from functools import partial
from typing import Any

import tf_keras as keras

from edge.models.blocks import conv_bn
from edge.models.scaling import scale_channels
from edge.models.tops import classifier

# The channels of the stem; then the channels and the number of convolutions of each stage. A pooling by 4 follows every
# stage but the last.
STAGES = {
    "m5": (128, ((128, 1), (256, 1), (512, 1))),
    "m11": (64, ((64, 2), (128, 2), (256, 3), (512, 2))),
}
STEM_KERNEL, STEM_STRIDE, POOL = 80, 4, 4

# Channels, kernel.
FCN_ROWS = ((128, 8), (256, 5), (128, 3))


def series_input(input_shape: tuple[int, int], name: str) -> tuple[Any, Any]:
    """Return an input tensor, (batch, length, channels) float32, and the same as (batch, 1, length, channels)."""
    length, channels = input_shape
    inputs = keras.Input(input_shape, name=name)
    return inputs, keras.layers.Reshape((1, length, channels), name=f"{name}_row")(inputs)


def _pool(x: Any, name: str) -> Any:
    return keras.layers.MaxPooling2D((1, POOL), padding="same", name=f"{name}_pool")(x)


def raw_audio(
    variant: str, input_shape: tuple[int, int], classes: int, width: float = 1.0, dropout: float = 0.0
) -> Any:
    """Return a network over waveforms, which maps (batch, samples, channels) to one class a waveform.

    Samples are about -1 to 1. The paper's input is 4 s at 8 kHz. With 1 s, 32 positions are left before M5's global
    pooling and 8 before M11's. ``variant`` is a key of ``STAGES``.
    """
    stem, stages = STAGES[variant]
    inputs, x = series_input(input_shape, "waveform")
    x = conv_bn(x, scale_channels(stem, width, "stem"), "stem", kernel=(1, STEM_KERNEL), stride=STEM_STRIDE)
    x = _pool(x, "stem")
    for stage, (channels, repeats) in enumerate(stages, start=1):
        for block in range(1, repeats + 1):
            name = f"stage{stage}_block{block}"
            x = conv_bn(x, scale_channels(channels, width, name), name, kernel=(1, 3))
        if stage < len(stages):
            x = _pool(x, f"stage{stage}")
    return classifier(inputs, x, classes, variant, dropout)


m5 = partial(raw_audio, "m5")
m11 = partial(raw_audio, "m11")


def fcn_1d(input_shape: tuple[int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return the fully convolutional network over time series, (batch, length, channels), which should be normalized.

    It has no stride and no pooling before the global one, so a series can be short.
    """
    inputs, x = series_input(input_shape, "series")
    for stage, (channels, kernel) in enumerate(FCN_ROWS, start=1):
        x = conv_bn(x, scale_channels(channels, width, f"stage{stage}"), f"stage{stage}", kernel=(1, kernel))
    return classifier(inputs, x, classes, "fcn_1d", dropout)
