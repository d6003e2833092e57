"""One-dimensional networks over sounds and time series, written with 2-D layers of height 1.

Keras' own 1-D convolution puts a reshape between the convolution and its batch normalization, which keeps the two
from being folded into one; and quantization-aware training does not know it. The functions are the same.

M5 and M11: Dai et al. 2016, https://arxiv.org/abs/1610.00087, table 1: convolutions over the raw waveform.
FCN: Wang et al. 2016, https://arxiv.org/abs/1611.06455, figure 1 b and section II-B: for any time series.
"""

from functools import partial
from typing import Any

import tf_keras as keras

from edge.models.blocks import classifier, conv_bn
from edge.models.scaling import scale_channels

# Of each stage, behind the stem: channels, convolutions. Every stage is followed by a pooling by 4, the last is not.
STAGES = {
    "m5": (128, ((128, 1), (256, 1), (512, 1))),
    "m11": (64, ((64, 2), (128, 2), (256, 3), (512, 2))),
}
STEM_KERNEL, STEM_STRIDE, POOL = 80, 4, 4

# Channels, kernel.
FCN_ROWS = ((128, 8), (256, 5), (128, 3))


def series_input(input_shape: tuple[int, int], name: str) -> tuple[Any, Any]:
    """Return the input tensor, (batch, length, channels) float32, and the same as (batch, 1, length, channels)."""
    length, channels = input_shape
    inputs = keras.Input(input_shape, name=name)
    return inputs, keras.layers.Reshape((1, length, channels), name=f"{name}_row")(inputs)


def _pool(x: Any, name: str) -> Any:
    return keras.layers.MaxPooling2D((1, POOL), padding="same", name=f"{name}_pool")(x)


def raw_audio(
    variant: str, input_shape: tuple[int, int], classes: int, width: float = 1.0, dropout: float = 0.0
) -> Any:
    """Return the network ``variant`` over a waveform: (batch, samples, channels), about -1 to 1, to one class.

    The paper's input is 4 s at 8 kHz; 1 s leaves 32 positions before M5's global pooling, 8 before M11's.
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
    """Return the fully convolutional network over a time series, (batch, length, channels), normalized.

    It has no pooling before the global one and no stride: any length.
    """
    inputs, x = series_input(input_shape, "series")
    for stage, (channels, kernel) in enumerate(FCN_ROWS, start=1):
        x = conv_bn(x, scale_channels(channels, width, f"stage{stage}"), f"stage{stage}", kernel=(1, kernel))
    return classifier(inputs, x, classes, "fcn_1d", dropout)
