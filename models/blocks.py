"""Block functions: a tensor in, a tensor out. Layer names are stable; they join reports and weights.

Convolutions have no bias: batch normalization follows each and has its own.
"""

from typing import Any

import tf_keras as keras

BN_MOMENTUM = 0.95
"""Of the moving statistics. 0.95 settles within a hundred steps; short trainings on small sets need that."""

ACTIVATIONS = {"relu": None, "relu6": 6.0}


def image_input(input_shape: tuple[int, int, int]) -> Any:
    """Return the input tensor, (batch, height, width, channels) float32."""
    return keras.Input(input_shape, name="image")


def activation(x: Any, kind: str | None, name: str) -> Any:
    """Apply ``kind`` (relu, relu6, or None for the identity)."""
    return x if kind is None else keras.layers.ReLU(ACTIVATIONS[kind], name=f"{name}_{kind}")(x)


def conv_bn(
    x: Any, filters: int, name: str, kernel: int = 1, stride: int = 1, groups: int = 1, act: str | None = "relu"
) -> Any:
    """Convolution, batch normalization, activation. Padding ``same``; He-normal kernel."""
    x = keras.layers.Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        groups=groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_bn")(x)
    return activation(x, act, name)


def depthwise_bn(x: Any, name: str, kernel: int = 3, stride: int = 1, act: str | None = "relu") -> Any:
    """Depthwise convolution, batch normalization, activation. Padding ``same``.

    He-normal by fan-out: for a depthwise kernel Keras counts all channels as fan-in, which is not what
    one output sees; its fan-out is kernel * kernel, which is.
    """
    x = keras.layers.DepthwiseConv2D(
        kernel,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        name=f"{name}_depthwise",
    )(x)
    x = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name=f"{name}_depthwise_bn")(x)
    return activation(x, act, f"{name}_depthwise")


def classifier(inputs: Any, x: Any, classes: int, name: str, dropout: float = 0.0) -> Any:
    """Global average pooling, dropout, one dense layer, softmax; returns the ``keras.Model`` called ``name``.

    The softmax is float32 also under mixed precision.
    """
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer="he_normal", name="classifier")(x)
    x = keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, x, name=name)
