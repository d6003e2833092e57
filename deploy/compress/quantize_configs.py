"""How tfmot is to treat layers of our own. Importing this imports tfmot."""

from typing import Any

from edge.deploy._tensorflow import need

_keras: Any = need("tensorflow_model_optimization").quantization.keras
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


FOREIGN = {"Multiply": QuantizeOutput}
"""Keras layers that tfmot has no entry for, by what they are treated as."""
