"""LRCN (Donahue et al. 2015, https://arxiv.org/abs/1411.4389), section 4: a network over each frame, an LSTM over all.

The paper's frames go through CaffeNet; here through MobileNetV2, or another network of the table.
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
    """Return the network: (batch, frames, height, width, channels) to one class a clip, the frames' mean probability.

    width: of the backbone and the LSTM. units: of the LSTM at width 1.
    The LSTM is unrolled, since a loop has no fixed ranges to quantize, and has a product for each gate: a split of one
    product for all stays in float where the first step needs only a part of it.
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
    """Return the backbone up to its pooled features: (batch, height, width, channels) to (batch, features)."""
    features = build(backbone, input_shape, 1, width, include_top=False)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(features.output)
    return keras.Model(features.inputs, pooled, name=backbone)
