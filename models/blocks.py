"""Block functions: a tensor in, a tensor out. Layer names are stable; they join reports and weights.

``conv_bn`` and ``depthwise_bn`` have no bias unless asked: the batch normalization that follows has its own.
``conv`` has one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tf_keras as keras

from edge.models.layers import Scale, ShiftedReLU6

BN_MOMENTUM = 0.95
"""Of the moving statistics. 0.95 settles within a hundred steps; short trainings on small sets need that."""

LIMITS = {"relu": None, "relu6": 6.0}
"""Where a rectifier stops."""

Kernel = int | tuple[int, int]
"""A square's side, or height and width."""

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
        return hard_sigmoid(x, name)
    if kind == "hard_swish":
        return hard_swish(x, name)
    return keras.layers.Activation(kind, name=name)(x)


def hard_sigmoid(x: Any, name: str) -> Any:
    """relu6(x + 3) / 6 (MobileNetV3, https://arxiv.org/abs/1905.02244, section 5.2).

    Two layers, and three for ``hard_swish``: in int8 each value between them has a range of its own, which
    quantization-aware training has to see.
    """
    return Scale(1 / 6, name=name)(ShiftedReLU6(name=f"{name}_shift")(x))


def hard_swish(x: Any, name: str) -> Any:
    """x * hard_sigmoid(x)."""
    return keras.layers.Multiply(name=name)([x, hard_sigmoid(x, f"{name}_gate")])


def batch_norm(x: Any, name: str) -> Any:
    """Batch normalization over the last axis."""
    return keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name=name)(x)


def conv(
    x: Any,
    filters: int,
    name: str,
    kernel: Kernel = 1,
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
    kernel: Kernel = 1,
    stride: int = 1,
    groups: int = 1,
    act: str | None = "relu",
    padding: Padding = "same",
    dilation: int = 1,
    bias: bool = False,
) -> Any:
    """Convolution, batch normalization, activation; He-normal kernel. bias: for released weights that have one."""
    x = conv(x, filters, name, kernel, stride, groups, None, padding, dilation, bias)
    return activation(batch_norm(x, f"{name}_bn"), act, name)


def conv_transpose(
    x: Any, filters: int, name: str, kernel: int = 2, stride: int = 2, act: str | None = "relu", bias: bool = True
) -> Any:
    """Transposed convolution with bias, activation: height and width times ``stride``; He-normal kernel.

    One output sees kernel * kernel / (stride * stride) weights an input channel. That is its fan-in, which Keras
    reads from the wrong axis of a transposed kernel.
    """
    fan_in = x.shape[-1] * max(1.0, kernel * kernel / (stride * stride))
    x = keras.layers.Conv2DTranspose(
        filters,
        kernel,
        stride,
        padding="same",
        use_bias=bias,
        kernel_initializer=keras.initializers.RandomNormal(0.0, math.sqrt(2 / fan_in)),
        name=f"{name}_conv_transpose",
    )(x)
    return activation(x, act, name)


def conv_transpose_bn(
    x: Any, filters: int, name: str, kernel: int = 2, stride: int = 2, act: str | None = "relu"
) -> Any:
    """Transposed convolution, batch normalization, activation: height and width times ``stride``."""
    x = conv_transpose(x, filters, name, kernel, stride, None, bias=False)
    return activation(batch_norm(x, f"{name}_bn"), act, name)


def depthwise_bn(
    x: Any,
    name: str,
    kernel: int = 3,
    stride: int = 1,
    act: str | None = "relu",
    dilation: int = 1,
    bias: bool = False,
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
        use_bias=bias,
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


def staged(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each block's name and row, for tables without stages; a row's last column is its stride.

    A stage begins with every stride of 2; stage 1 is what has the stem's resolution.
    """
    stage, block = 1, 0
    for row in rows:
        stage, block = (stage + 1, 1) if row[-1] == 2 else (stage, block + 1)
        yield f"stage{stage}_block{block}", row


def inverted_residual(
    x: Any,
    expanded: int,
    channels: int,
    name: str,
    kernel: int = 3,
    stride: int = 1,
    act: str = "relu6",
    reduced: int = 0,
) -> Any:
    """Expand 1x1, depthwise, project 1x1 without activation; add the input where the shape is kept.

    The block of the searched networks (MnasNet, https://arxiv.org/abs/1807.11626, figure 7).
    expanded: channels of the depthwise convolution; no expansion where the input has as many.
    reduced: of a squeeze-and-excitation behind the depthwise convolution; 0 for none.
    """
    entry = x
    if expanded != entry.shape[-1]:
        x = conv_bn(x, expanded, f"{name}_expand", act=act)
    x = depthwise_bn(x, name, kernel, stride, act)
    if reduced:
        x = squeeze_excite(x, reduced, f"{name}_excite")
    x = conv_bn(x, channels, f"{name}_project", act=None)
    if stride == 1 and entry.shape[-1] == channels:
        x = keras.layers.Add(name=f"{name}_add")([entry, x])
    return x


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


def flat_classifier(
    inputs: Any, x: Any, hidden: Mapping[str, int], classes: int, name: str, dropout: float = 0.0
) -> Any:
    """Flatten, hidden dense layers with ReLU, one dense layer, softmax; returns the ``keras.Model`` called ``name``.

    The weights of the first depend on the features' height and width. hidden: units by the layers' names.
    dropout: before each hidden layer.
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for layer, units in hidden.items():
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{layer}_dropout")(x)
        x = keras.layers.Dense(units, kernel_initializer="he_normal", name=layer)(x)
        x = activation(x, "relu", layer)
    return keras.Model(inputs, probabilities(x, classes), name=name)


def probabilities(x: Any, classes: int, dropout: float = 0.0) -> Any:
    """Dropout, a dense layer, softmax: (batch, features) to (batch, classes), float32 also under mixed precision."""
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    x = keras.layers.Dense(classes, kernel_initializer="he_normal", name="classifier")(x)
    return softmax(x)


def softmax(x: Any) -> Any:
    """Softmax over the last axis, float32 also under mixed precision."""
    return keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
