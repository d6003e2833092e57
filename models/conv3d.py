"""Convolution and pooling over clips, (batch, frames, height, width, channels), made of 2-D operations.

TFLite's CONV_3D computes in float only, no delegate takes it, and TFLite has no 3-D pooling. Built from 2-D
convolutions, the same functions run in int8 and in one partition. C3D and R(2+1)D use them.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.models.blocks import BN_MOMENTUM, activation

Sizes = tuple[int, int, int]
"""A size in time, height and width."""


@keras.utils.register_keras_serializable("edge")
class Conv3D(keras.layers.Layer):
    """A 3-D convolution with padding ``same``, then a bias or a batch normalization.

    The input is (batch, frames, height, width, channels). In the output each side is divided by its stride, rounded up,
    and there are ``filters`` channels. A kernel over time only is a 2-D convolution over (frames, height * width). Any
    other kernel is a 2-D convolution over (height, width) of each frame, with its neighbours in time stacked onto its
    channels. The normalization is part of the layer, because the converter would not fold it into the kernel across a
    reshape.
    """

    quantizes_output = True

    def __init__(
        self,
        filters: int,
        kernel: Sizes = (3, 3, 3),
        stride: Sizes = (1, 1, 1),
        normalized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.stride = filters, tuple(kernel), tuple(stride)
        self.norm = keras.layers.BatchNormalization(momentum=BN_MOMENTUM, name="bn") if normalized else None

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, int(input_shape[-1]), self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="he_normal")
        self.bias = None if self.norm else self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        _, frames, height, width, _ = inputs.shape
        frames, height, width = (-(-n // s) for n, s in zip((frames, height, width), self.stride, strict=True))
        over_time_only = self.kernel_size[1:] == self.stride[1:] == (1, 1)
        x = self._over_time(inputs) if over_time_only else self._over_space(inputs)
        x = tf.nn.bias_add(x, self.bias) if self.norm is None else self.norm(x, training=training)
        return tf.reshape(x, (-1, frames, height, width, self.filters))

    def _over_time(self, x: Any) -> Any:
        return tf.nn.conv2d(_rows(x), self.kernel[:, :, 0], (self.stride[0], 1), "SAME")

    def _over_space(self, x: Any) -> Any:
        times, height, width = self.kernel_size
        stacked = tf.reshape(self._stacked(x), (-1, *x.shape[2:4], times * x.shape[-1]))
        kernel = tf.transpose(self.kernel, (1, 2, 0, 3, 4))
        kernel = tf.reshape(kernel, (height, width, times * x.shape[-1], self.filters))
        return tf.nn.conv2d(stacked, kernel, self.stride[1:], "SAME")

    def _stacked(self, x: Any) -> Any:
        """Return (batch, output frames, height * width, times * channels): each frame's window in time."""
        times, step = self.kernel_size[0], self.stride[0]
        frames = x.shape[1]
        out = -(-frames // step)
        before = max((out - 1) * step + times - frames, 0) // 2
        behind = max(times - 1 + out * step - frames - before, 0)
        rows = _rows(x)
        if before or behind:
            rows = tf.pad(rows, ((0, 0), (before, behind), (0, 0), (0, 0)))
        if times == 1:
            return _every(rows, step)
        return tf.concat([_every(rows[:, at : at + out * step], step) for at in range(times)], -1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel": self.kernel_size,
            "stride": self.stride,
            "normalized": self.norm is not None,
        }


@keras.utils.register_keras_serializable("edge")
class MaxPool3D(keras.layers.Layer):
    """The maximum over windows of ``size`` with strides of the same size and padding ``same``, over space, then time.

    The input is (batch, frames, height, width, channels). In the output each side is divided by its size, rounded up.
    """

    quantizes_output = False

    def __init__(self, size: Sizes = (2, 2, 2), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = tuple(size)

    def call(self, inputs: Any) -> Any:
        frames, height, width, channels = inputs.shape[1:]
        times, *sides = self.size
        x = tf.nn.max_pool2d(tf.reshape(inputs, (-1, height, width, channels)), sides, sides, "SAME")
        height, width = x.shape[1:3]
        x = tf.reshape(x, (-1, frames, height * width, channels))
        if times > 1:
            x = tf.nn.max_pool2d(x, (times, 1), (times, 1), "SAME")
        return tf.reshape(x, (-1, x.shape[1], height, width, channels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


def _rows(x: Any) -> Any:
    """Reshape (batch, frames, height, width, channels) to (batch, frames, height * width, channels)."""
    frames, height, width, channels = x.shape[1:]
    return tf.reshape(x, (-1, frames, height * width, channels))


def _every(rows: Any, step: int) -> Any:
    """Return every ``step``-th frame, beginning with the first. The number of frames must be a multiple of ``step``.

    Delegates do not take a strided slice. They do take a slice of the first part of longer rows, so each row is made of
    ``step`` frames.
    """
    if step == 1:
        return rows
    frames, positions, channels = rows.shape[1:]
    first = tf.reshape(rows, (-1, frames // step, step * positions * channels))[:, :, : positions * channels]
    return tf.reshape(first, (-1, frames // step, positions, channels))


def clip_input(input_shape: tuple[int, ...]) -> Any:
    """Return an input tensor, (batch, frames, height, width, channels) float32."""
    return keras.Input(input_shape, name="clip")


def conv3d(
    x: Any,
    filters: int,
    name: str,
    kernel: Sizes = (3, 3, 3),
    stride: Sizes = (1, 1, 1),
    act: str | None = "relu",
    normalized: bool = False,
) -> Any:
    """Apply ``Conv3D`` and an activation.

    Args:
        x: (batch, frames, height, width, channels).
        filters: output channels.
        name: prefix of the layers' names.
        kernel: size in time, height and width.
        stride: in time, height and width.
        act: activation, see ``edge.models.blocks.activation``.
        normalized: whether a batch normalization takes the place of the bias.
    """
    x = Conv3D(filters, kernel, stride, normalized, name=f"{name}_conv")(x)
    return activation(x, act, name)
