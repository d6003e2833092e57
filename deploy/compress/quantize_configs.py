"""How tfmot is to treat layers of our own, and shared ranges. Importing this imports tfmot."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from edge.deploy._tensorflow import need

_keras: Any = need("tensorflow_model_optimization").quantization.keras
_QuantizeConfig: Any = _keras.QuantizeConfig
_AllValuesQuantizer: Any = _keras.quantizers.AllValuesQuantizer


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


_shared: ContextVar[dict[str, Any] | None] = ContextVar("shared ranges", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Let ``SharedRange`` layers that are built inside find each other: one model is made or loaded within."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


class SharedRangeQuantizer(_AllValuesQuantizer):
    """An 8-bit range over all values that any layer of ``group`` has put out."""

    def __init__(self, group: str) -> None:
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
        self.group = group

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        """Return the group's variables; the first layer of the group makes them."""
        ranges = _shared.get()
        if ranges is None:
            raise RuntimeError("a model with shared ranges is built under edge.deploy.compress.qat.scope()")
        if self.group not in ranges:
            ranges[self.group] = super().build(tensor_shape, name, layer)
        else:
            # Every member lists the variables, so that a saved file does not depend on who made them.
            layer._non_trainable_weights.extend(ranges[self.group].values())
        return ranges[self.group]

    def get_config(self) -> dict[str, Any]:
        return {"group": self.group}


class SharedRange(KeepScale):
    """For layers whose values pass through each other's concatenations, see ``edge.deploy.compress.ranges``.

    quantize_output: as in ``QuantizeOutput``.
    """

    def __init__(self, group: str, quantize_output: bool = True) -> None:
        self.group = group
        self.quantize_output = quantize_output

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return [SharedRangeQuantizer(self.group)] if self.quantize_output else []

    def get_config(self) -> dict[str, Any]:
        return {"group": self.group, "quantize_output": self.quantize_output}
