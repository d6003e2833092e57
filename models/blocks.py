"""Block functions: a tensor in, a tensor out. Layer names are stable; they join reports and weights.

``conv_bn`` and ``depthwise_bn`` have no bias: the batch normalization that follows has its own. ``conv`` has one.
"""

from typing import Any

import tf_keras as keras

from edge.models.layers import HardSigmoid

BN_MOMENTUM = 0.95
"""Of the moving statistics. 0.95 settles within a hundred steps; short trainings on small sets need that."""

LIMITS = {"relu": None, "relu6": 6.0}
"""Where a rectifier stops."""

Padding = str | int
"""``same``, ``valid``, or so many zeros on every side, as papers from other frameworks count."""


def image_input(input_shape: tuple[int, ...]) -> Any:
    """Return the input tensor, (batch, height, width, channels) float32."""
    return keras.Input(input_shape, name="image")


def activation(x: Any, kind: str | None, name: str) -> Any:
    """Apply ``kind``: relu, relu6, hard_sigmoid, hard_swish, any name that Keras knows, or None for the identity."""
    if kind is None:
        return x
    name = f"{name}_{kind}"
    if kind in LIMITS:
        return keras.layers.ReLU(LIMITS[kind], name=name)(x)
    if kind == "hard_sigmoid":
        return HardSigmoid(name=name)(x)
    if kind == "hard_swish":
        return hard_swish(x, name)
    return keras.layers.Activation(kind, name=name)(x)


def hard_swish(x: Any, name: str) -> Any:
    """x * hard_sigmoid(x) (MobileNetV3, https://arxiv.org/abs/1905.02244, section 5.2)."""
    return keras.layers.Multiply(name=name)([x, HardSigmoid(name=f"{name}_gate")(x)])


def batch_norm(x: Any, name: str) -> Any:
    """Batch normalization over the last axis."""
    return keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name=name)(x)


def conv(
    x: Any,
    filters: int,
    name: str,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    act: str | None = "relu",
    padding: Padding = "same",
    dilation: int = 1,
    bias: bool = True,
) -> Any:
    """Convolution with bias, activation; He-normal kernel. For networks from before batch normalization, and heads."""
    if isinstance(padding, int):
        x = keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x) if padding else x
        padding = "valid"
    x = keras.layers.Conv2D(
        filters,
        kernel,
        stride,
        padding=padding,
        dilation_rate=dilation,
        groups=groups,
        use_bias=bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return activation(x, act, name)


def conv_bn(
    x: Any,
    filters: int,
    name: str,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    act: str | None = "relu",
    padding: Padding = "same",
    dilation: int = 1,
) -> Any:
    """Convolution, batch normalization, activation; He-normal kernel."""
    x = conv(x, filters, name, kernel, stride, groups, None, padding, dilation, bias=False)
    return activation(batch_norm(x, f"{name}_bn"), act, name)


def depthwise_bn(
    x: Any, name: str, kernel: int = 3, stride: int = 1, act: str | None = "relu", dilation: int = 1
) -> Any:
    """Depthwise convolution, batch normalization, activation. Padding ``same``.

    He-normal by fan-out: for a depthwise kernel Keras counts all channels as fan-in, which is not what
    one output sees; its fan-out is kernel * kernel, which is.
    """
    x = keras.layers.DepthwiseConv2D(
        kernel,
        stride,
        padding="same",
        dilation_rate=dilation,
        use_bias=False,
        depthwise_initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        name=f"{name}_depthwise",
    )(x)
    return activation(batch_norm(x, f"{name}_depthwise_bn"), act, f"{name}_depthwise")


def squeeze_excite(x: Any, reduced: int, name: str, act: str = "relu", gate: str = "hard_sigmoid") -> Any:
    """Scale each channel by a gate computed from all channels' means (https://arxiv.org/abs/1709.01507).

    reduced: channels between the two 1x1 convolutions, which have biases.
    """
    entry = x
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    x = conv(x, reduced, f"{name}_reduce", act=act)
    x = conv(x, entry.shape[-1], f"{name}_expand", act=gate)
    return keras.layers.Multiply(name=f"{name}_scale")([entry, x])


def classifier(
    inputs: Any, x: Any, classes: int, name: str, dropout: float = 0.0, hidden: tuple[int, str] | None = None
) -> Any:
    """Global average pooling, dropout, one dense layer, softmax; returns the ``keras.Model`` called ``name``.

    hidden: units and activation of a dense layer behind the pooling, for networks that have one.
    """
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if hidden:
        x = keras.layers.Dense(hidden[0], kernel_initializer="he_normal", name="hidden")(x)
        x = activation(x, hidden[1], "hidden")
    return keras.Model(inputs, probabilities(x, classes, dropout), name=name)


def probabilities(x: Any, classes: int, dropout: float = 0.0) -> Any:
    """Dropout, a dense layer, softmax: (batch, features) to (batch, classes), float32 also under mixed precision."""
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer="he_normal", name="classifier")(x)
    return softmax(x)


def softmax(x: Any) -> Any:
    """Softmax over the last axis, float32 also under mixed precision."""
    return keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
