"""The reference networks of MLPerf Tiny (Banbury et al. 2021, https://arxiv.org/abs/2106.07597), table 1.

As in the reference code (https://github.com/mlcommons/tiny), convolutions and dense layers have a bias although a batch
normalization follows, so that its released weights fit. Conversion folds both into one bias. The fourth network, for
visual wake words, is ``edge.models.families.mobilenet_v1:mobilenet_v1_025_96``.
"""

from typing import Any

import tf_keras as keras

from edge.models.blocks import activation, batch_norm, conv, conv_bn, depthwise_bn, image_input
from edge.models.scaling import scale_channels
from edge.models.tops import classifier

RESNET8_CHANNELS = (16, 32, 64)
DS_CNN_CHANNELS = 64
DS_CNN_BLOCKS = 4
ENCODER = (128, 128, 128, 128, 8)
DECODER = (128, 128, 128, 128)


def resnet8(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return ResNet-8 for CIFAR-10, a ResNet of version 1 with one block a stage, without pooling behind the stem.

    As in the reference, the 1x1 convolutions of the shortcuts have no batch normalization.
    """
    inputs = image_input(input_shape)
    x = conv_bn(inputs, scale_channels(RESNET8_CHANNELS[0], width, "stem"), "stem", kernel=3, bias=True)
    for stage, channels in enumerate(RESNET8_CHANNELS, start=1):
        name = f"stage{stage}_block1"
        x = _basic(x, scale_channels(channels, width, name), 1 if stage == 1 else 2, name)
    return classifier(inputs, x, classes, "resnet8", dropout)


def _basic(x: Any, channels: int, stride: int, name: str) -> Any:
    entry = x
    x = conv_bn(x, channels, f"{name}_conv1", kernel=3, stride=stride, bias=True)
    x = conv_bn(x, channels, f"{name}_conv2", kernel=3, act=None, bias=True)
    if stride != 1:
        entry = conv(entry, channels, f"{name}_shortcut", stride=stride, act=None)
    return activation(keras.layers.Add(name=f"{name}_add")([entry, x]), "relu", name)


def ds_cnn(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return DS-CNN for keyword spotting (https://arxiv.org/abs/1711.07128), with depthwise separable convolutions.

    The input is (frames, coefficients, 1), in the paper 49 frames of 10 MFCC. The dropout is behind the pooling; the
    reference has 0.4 before it, and 0.2 behind the stem.
    """
    channels = scale_channels(DS_CNN_CHANNELS, width, "stem")
    inputs = image_input(input_shape)
    x = conv_bn(inputs, channels, "stem", kernel=(10, 4), stride=2, bias=True)
    for block in range(1, DS_CNN_BLOCKS + 1):
        name = f"block{block}"
        x = depthwise_bn(x, name, bias=True)
        x = conv_bn(x, channels, f"{name}_pointwise", bias=True)
    return classifier(inputs, x, classes, "ds_cnn", dropout)


def toycar(input_shape: tuple[int], classes: int, width: float = 1.0, dropout: float = 0.0) -> Any:
    """Return the auto-encoder for anomaly detection, which maps (batch, length) to the same, float32.

    The input is the features of a sound, in the benchmark 5 frames of 128 log-mel energies. The mean squared error of
    the output says how unusual a sound is.

    Args:
        input_shape: (length,).
        classes: not used; every builder takes it.
        width: width multiplier of the hidden layers.
        dropout: rate behind the narrowest layer; the reference has none.
    """
    inputs = x = keras.Input(input_shape, name="features")
    for index, units in enumerate(ENCODER, start=1):
        x = dense_bn(x, scale_channels(units, width, f"encoder{index}"), f"encoder{index}")
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    for index, units in enumerate(DECODER, start=1):
        x = dense_bn(x, scale_channels(units, width, f"decoder{index}"), f"decoder{index}")
    x = keras.layers.Dense(input_shape[0], dtype="float32", name="reconstruction")(x)
    return keras.Model(inputs, x, name="toycar")


def dense_bn(x: Any, units: int, name: str) -> Any:
    """Apply a dense layer with bias and a He-normal kernel, batch normalization and ReLU."""
    x = keras.layers.Dense(units, kernel_initializer="he_normal", name=f"{name}_dense")(x)
    return activation(batch_norm(x, f"{name}_bn"), "relu", name)
