"""How tfmot is to treat layers of our own. Importing this imports tfmot."""

from collections.abc import Sequence
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy._tfmot import Default8BitQuantizeConfig
from edge.deploy._tfmot import quantization as _keras

_tf: Any = need("tensorflow")
_QuantizeConfig: Any = _keras.QuantizeConfig


class KeepScale(_QuantizeConfig):
    """For layers that only move values: nothing is quantized, the input's scale goes through."""

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
    """For layers that compute new values: their output gets an asymmetric 8-bit range of its own.

    quantize_output: tfmot clears it on a layer whose concatenation quantizes for it; a saved file must say so.
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
    """A range for each channel of a depthwise kernel (height, width, channels, multiplier).

    tfmot's own has one for the whole kernel, while the file has one for each channel: the training would simulate
    coarser weights than the file holds, and the file round them again.
    """

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        """Add the range's variables, (channels * multiplier,) each."""
        return super().build(_tf.TensorShape([tensor_shape[2] * tensor_shape[3]]), name, layer)

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        """Return the kernel rounded; while training, the range becomes the kernel's own first.

        Not with the operation that tfmot uses, which takes channels in the last place only: the converter fails
        on the reshaping that it would need. These it computes, and rounds the kernel to where it is.
        """
        low, high = weights["min_var"], weights["max_var"]
        if training:
            largest = _tf.reshape(_tf.reduce_max(_tf.abs(inputs), (0, 1)), (-1,))
            low.assign(-largest)
            high.assign(largest)
        step = _tf.reshape(high, inputs.shape[2:]) / 127
        rounded = step * _tf.clip_by_value(_tf.round(_tf.math.divide_no_nan(inputs, step)), -127, 127)
        return inputs + _tf.stop_gradient(rounded - inputs)  # the gradient passes straight through the rounding

    def get_config(self) -> dict[str, Any]:
        return {}


class QuantizeDepthwise(Default8BitQuantizeConfig):
    """For depthwise convolutions."""

    def __init__(
        self,
        weight_attrs: Sequence[str] = ("depthwise_kernel",),
        activation_attrs: Sequence[str] = ("activation",),
        quantize_output: bool = False,
    ) -> None:
        super().__init__(list(weight_attrs), list(activation_attrs), quantize_output)
        self.weight_quantizer = DepthwiseWeights()


FOREIGN = {"Multiply": QuantizeOutput}
"""Keras layers that tfmot has no entry for, by what they are treated as."""
