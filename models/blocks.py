"""Block functions, which take a tensor and return a tensor. Their layer names are stable: reports and weights use them.

``conv`` has a bias. ``conv_bn`` and ``depthwise_bn`` have none by default, because the batch normalization behind them
has its own.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import tf_keras as keras

from edge.models.layers import Scale, ShiftedReLU6

BN_MOMENTUM = 0.95
"""The momentum of the moving statistics. With 0.95 they settle in a hundred steps, as short trainings need."""

LIMITS = {"relu": None, "relu6": 6.0}
"""The largest output of each rectifier."""

Kernel = int | tuple[int, int]
"""The side of a square kernel, or height and width."""

Padding = str | int
"""``same``, ``valid``, or the number of zeros on every side, as papers from other frameworks count."""


def image_input(input_shape: tuple[int, ...]) -> Any:
    """Return an input tensor, (batch, height, width, channels) float32."""
    return keras.Input(input_shape, name="image")


def activation(x: Any, kind: str | None, name: str) -> Any:
    """Apply an activation.

    Args:
        x: any tensor.
        kind: relu, relu6, hard_sigmoid, hard_swish, or any name that Keras knows. None returns ``x``.
        name: the layer is called ``<name>_<kind>``.
    """
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
    """Return relu6(x + 3) / 6 (MobileNetV3, https://arxiv.org/abs/1905.02244, section 5.2).

    It consists of two layers, and ``hard_swish`` of three. In int8 each value between them has a range of its own,
    which quantization-aware training has to simulate.
    """
    return Scale(1 / 6, name=name)(ShiftedReLU6(name=f"{name}_shift")(x))


def hard_swish(x: Any, name: str) -> Any:
    """Return x * hard_sigmoid(x)."""
    return keras.layers.Multiply(name=name)([x, hard_sigmoid(x, f"{name}_gate")])


def batch_norm(x: Any, name: str) -> Any:
    """Apply batch normalization over the last axis."""
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
    initializer: Any = "he_normal",
) -> Any:
    """Apply a convolution with bias, then an activation; for heads, and networks from before batch normalization.

    Args:
        x: (batch, height, width, channels).
        filters: output channels.
        name: prefix of the layers' names.
        kernel: side of the kernel, or height and width.
        stride: of both axes.
        groups: groups of channels that are convolved apart.
        act: activation, see ``activation``.
        padding: see ``Padding``.
        dilation: of both axes.
        bias: whether the convolution has a bias.
        initializer: Keras initializer of the kernel.
    """
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
        kernel_initializer=initializer,
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
    """Apply a convolution, batch normalization and an activation.

    The arguments are those of ``conv``. ``bias`` is for released weights that have one.
    """
    x = conv(x, filters, name, kernel, stride, groups, None, padding, dilation, bias)
    return activation(batch_norm(x, f"{name}_bn"), act, name)


def conv_transpose(
    x: Any, filters: int, name: str, kernel: int = 2, stride: int = 2, act: str | None = "relu", bias: bool = True
) -> Any:
    """Apply a transposed convolution with bias, then an activation. Height and width grow by the factor ``stride``.

    The kernel is initialized He-normal. One output sees kernel * kernel / (stride * stride) weights of each input
    channel. This is its fan-in, which Keras reads from the wrong axis of a transposed kernel.

    Args:
        x: (batch, height, width, channels).
        filters: output channels.
        name: prefix of the layers' names.
        kernel: side of the kernel.
        stride: of both axes.
        act: activation, see ``activation``.
        bias: whether the convolution has a bias.
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
    """Apply a transposed convolution, batch normalization and an activation. The arguments are ``conv_transpose``'s."""
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
    """Apply a depthwise convolution with padding ``same``, batch normalization and an activation.

    The kernel is initialized He-normal by fan-out. Keras counts all channels of a depthwise kernel as its fan-in, but
    one output sees only kernel * kernel weights, which is what Keras takes for its fan-out.

    Args:
        x: (batch, height, width, channels).
        name: prefix of the layers' names.
        kernel: side of the kernel.
        stride: of both axes.
        act: activation, see ``activation``.
        dilation: of both axes.
        bias: whether the convolution has a bias, for released weights that have one.
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
    """Scale each channel by a gate that is computed from the means of all channels (https://arxiv.org/abs/1709.01507).

    Args:
        x: (batch, height, width, channels).
        reduced: channels between the two 1x1 convolutions, which have biases.
        name: prefix of the layers' names.
        act: activation between the convolutions.
        gate: activation behind them, with outputs from 0 to 1.
    """
    entry = x
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    x = conv(x, reduced, f"{name}_reduce", act=act)
    x = conv(x, entry.shape[-1], f"{name}_expand", act=gate)
    return keras.layers.Multiply(name=f"{name}_scale")([entry, x])


def staged(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the name and the row of each block of a table without stages.

    A stage begins with every stride of 2. Stage 1 has the resolution of the stem.

    Args:
        rows: the table; the last column is the stride.
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
    """Apply the block of the searched networks (MnasNet, https://arxiv.org/abs/1807.11626, figure 7).

    It expands the channels by a 1x1 convolution, applies a depthwise convolution, and projects by a 1x1 convolution
    without activation. Where input and output have the same shape, they are added.

    Args:
        x: (batch, height, width, channels).
        expanded: channels of the depthwise convolution. An input with as many channels is not expanded.
        channels: output channels.
        name: prefix of the layers' names.
        kernel: side of the depthwise kernel.
        stride: of the depthwise convolution.
        act: activation of the first two convolutions.
        reduced: channels inside a squeeze-and-excitation behind the depthwise convolution; 0 for none.
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
