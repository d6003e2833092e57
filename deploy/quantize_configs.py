"""Quantize configurations tell tfmot how to quantize our layers. Importing this module imports tfmot."""

from collections.abc import Sequence
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy._tfmot import Default8BitQuantizeConfig
from edge.deploy._tfmot import quantization as _keras

_tf: Any = need("tensorflow")
_QuantizeConfig: Any = _keras.QuantizeConfig


class KeepScale(_QuantizeConfig):
    """For layers that only move values: nothing is quantized, and the output has the scale of the input."""

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        return None

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        return None

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {}


class QuantizeOutput(KeepScale):
    """For layers that compute new values: the output is quantized with an asymmetric 8-bit range.

    Attributes:
        quantize_output: whether the output is quantized. tfmot sets it to False for a layer whose output is quantized
            by the concatenation that follows. A saved file must contain it.
    """

    def __init__(self, quantize_output: bool = True) -> None:
        self.quantize_output = quantize_output

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        if not self.quantize_output:
            return []
        quantizers = _keras.quantizers
        return [quantizers.MovingAverageQuantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)]

    def get_config(self) -> dict[str, Any]:
        return {"quantize_output": self.quantize_output}


class DepthwiseWeights(_keras.quantizers.LastValueQuantizer):
    """Quantizes a depthwise kernel (height, width, channels, multiplier) with one range per output channel.

    tfmot has one range for the whole kernel, while the file has one per channel. Training would then simulate coarser
    weights than those of the file, and the conversion would round them a second time.
    """

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        """Add the variables of the ranges, each (channels * multiplier,)."""
        return super().build(_tf.TensorShape([tensor_shape[2] * tensor_shape[3]]), name, layer)

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Return the quantized kernel. During training the ranges are first set to the kernel's present values.

        tfmot's fake-quantization operation needs the channels on the last axis, and the converter fails on the reshape
        that this would take. The operations here need no reshape of the kernel.
        """
        low, high = weights["min_var"], weights["max_var"]
        if training:
            largest = _tf.reshape(_tf.reduce_max(_tf.abs(inputs), (0, 1)), (-1,))
            low.assign(-largest)
            high.assign(largest)
        step = _tf.reshape(high, inputs.shape[2:]) / 127
        rounded = step * _tf.clip_by_value(_tf.round(_tf.math.divide_no_nan(inputs, step)), -127, 127)
        return inputs + _tf.stop_gradient(rounded - inputs)  # straight-through gradient

    def get_config(self) -> dict[str, Any]:
        return {}


class QuantizeDepthwise(Default8BitQuantizeConfig):
    """For depthwise convolutions, whose kernel gets one range per channel."""

    def __init__(
        self,
        weight_attrs: Sequence[str] = ("depthwise_kernel",),
        activation_attrs: Sequence[str] = ("activation",),
        quantize_output: bool = False,
    ) -> None:
        super().__init__(list(weight_attrs), list(activation_attrs), quantize_output)
        self.weight_quantizer = DepthwiseWeights()


FOREIGN = {"Multiply": QuantizeOutput}
"""Configurations of Keras layers that are missing in tfmot's registry."""
