"""LRCN (Donahue et al. 2015, https://arxiv.org/abs/1411.4389), section 4: a network for each frame, an LSTM over all.

The paper's network for the frames is CaffeNet; here it is MobileNetV2 or another one of the table.
"""

from typing import Any

import tf_keras as keras

from edge.errors import InputError
from edge.models.conv3d import clip_input
from edge.models.registry import build
from edge.models.scaling import scale_channels

UNITS = 256


def cnn_lstm(
    input_shape: tuple[int, int, int, int],
    classes: int,
    width: float = 1.0,
    backbone: str = "mobilenet_v2",
    units: int = UNITS,
    dropout: float = 0.0,
) -> Any:
    """Return the network, which maps (batch, frames, height, width, channels) to one class a clip.

    The output is the mean of the frames' probabilities. The LSTM is unrolled, because a loop has no fixed ranges to
    quantize. It has a product of its own for each gate, because the split of one product for all gates would stay in
    float where the first step needs only a part of it.

    Args:
        input_shape: (frames, height, width, channels).
        classes: number of outputs.
        width: width multiplier of the backbone and the LSTM.
        backbone: the network for the frames, a name of the table.
        units: units of the LSTM at width 1.
        dropout: rate before the classifier; 0 for none.

    Raises:
        InputError: ``units`` is below 1.
    """
    if units < 1:
        raise InputError(f"units of cnn_lstm must be at least 1, got {units}")
    inputs = clip_input(input_shape)
    x = keras.layers.TimeDistributed(_features(input_shape[1:], width, backbone), name="frames")(inputs)
    x = keras.layers.LSTM(
        scale_channels(units, width, "lstm"), return_sequences=True, unroll=True, implementation=1, name="lstm"
    )(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="classifier_dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer="he_normal", name="classifier")(x)
    x = keras.layers.Activation("softmax", dtype="float32", name="frame_probabilities")(x)
    x = keras.layers.GlobalAveragePooling1D(dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name="cnn_lstm")


def _features(input_shape: tuple[int, ...], width: float, backbone: str) -> Any:
    """Return the backbone with pooled features, which maps (batch, height, width, channels) to (batch, features)."""
    features = build(backbone, input_shape, 1, width, include_top=False)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features.output)
    return keras.Model(features.inputs, pooled, name=backbone)
