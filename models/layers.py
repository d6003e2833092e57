"""Layers that Keras lacks, for the shuffle networks and MobileNetV3.

``quantizes_output`` says whether the output has a range of its own in quantization-aware training. A layer that only
moves values (split, shuffle) keeps its input's scale. ``edge.deploy.quantize_configs`` tells it to tfmot.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError
from edge.models import lowering


@keras.utils.register_keras_serializable("edge")
class ChannelSplit(keras.layers.Layer):
    """Split the channels into two equal halves (ShuffleNetV2, https://arxiv.org/abs/1807.11164, section 3.2).

    The input is (batch, height, width, channels) with an even number of channels. The output is two tensors of (batch,
    height, width, channels / 2).
    """

    quantizes_output = False

    def build(self, input_shape: Any) -> None:
        if input_shape[-1] % 2:
            raise InputError(f"{self.name}: channels must be even to be split, got {input_shape[-1]}")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        return tf.split(inputs, 2, axis=-1)


@keras.utils.register_keras_serializable("edge")
class ChannelShuffle(keras.layers.Layer):
    """Interleave ``groups`` groups of channels (ShuffleNet, https://arxiv.org/abs/1707.01083, section 3.1).

    Input and output are (batch, height, width, channels) with channels divisible by groups. Output channel
    ``k * groups + g`` is input channel ``g * (channels / groups) + k``. The transpose has four dimensions, because the
    Edge TPU refuses the paper's five, and LiteRT runs both equally fast.
    """

    quantizes_output = False

    def __init__(self, groups: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape: Any) -> None:
        if self.groups < 1 or input_shape[-1] % self.groups:
            raise InputError(f"{self.name}: channels ({input_shape[-1]}) must divide by groups ({self.groups})")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        height, width, channels = inputs.shape[1:]
        split = tf.reshape(inputs, (-1, height * width, self.groups, channels // self.groups))
        return tf.reshape(tf.transpose(split, (0, 1, 3, 2)), (-1, height, width, channels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


@keras.utils.register_keras_serializable("edge")
class AveragePool(keras.layers.Layer):
    """Average over windows of size x size with padding ``same``, where the zeros beyond the border count.

    It is a depthwise convolution with a constant kernel, because delegates take that in int8, and the pooling operation
    in float only. The zeros count as in the authors' networks, which is PyTorch's default.

    The input is (batch, height, width, channels), the output (batch, ceil(height / stride), ceil(width / stride),
    channels).
    """

    quantizes_output = True

    def __init__(self, size: int = 3, stride: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.stride = size, stride

    def call(self, inputs: Any) -> Any:
        kernel = tf.constant(1 / self.size**2, inputs.dtype, (self.size, self.size, inputs.shape[-1], 1))
        return tf.nn.depthwise_conv2d(inputs, kernel, (1, self.stride, self.stride, 1), "SAME")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "stride": self.stride}


@keras.utils.register_keras_serializable("edge")
class ShiftedReLU6(keras.layers.Layer):
    """Six times the hard sigmoid: relu6(x + 3) (MobileNetV3, https://arxiv.org/abs/1905.02244, section 5.2).

    Input and output have any shape; the output is from 0 to 6. For int8 its range is written into the graph. Otherwise
    the converter would fuse it and what follows into one HARD_SWISH, which is the fastest form in float, but which the
    delegate does not take in int8 (2.1 ms against 0.6 ms for four of them with their 1x1 convolutions at 56x56x32, one
    thread).
    """

    quantizes_output = True
    lowers = (lowering.INT8,)

    def call(self, inputs: Any) -> Any:
        shifted = tf.nn.relu6(inputs + 3)
        if lowering.current() == lowering.INT8:
            return tf.quantization.fake_quant_with_min_max_args(shifted, 0.0, 6.0)
        return shifted


@keras.utils.register_keras_serializable("edge")
class Scale(keras.layers.Layer):
    """Multiply by a constant factor. Input and output have any shape."""

    quantizes_output = True

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * tf.cast(self.factor, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
