"""All parts of tfmot that are used here. Importing this module imports tfmot.

Three of them are private: ``NoOpActivation``, ``QuantizeLayer`` and ``Default8BitQuantizeConfig``. tfmot's own scheme
consists of them, and a scheme that changes one of its choices needs them. There are no public replacements.
"""

from typing import Any

from edge.deploy._tensorflow import need

_tfmot: Any = need("tensorflow_model_optimization")
_PRIVATE = "tensorflow_model_optimization.python.core.quantization.keras."

quantization: Any = _tfmot.quantization.keras
sparsity: Any = _tfmot.sparsity.keras
default_8bit: Any = quantization.default_8bit
transforms: Any = quantization.graph_transformations.transforms
ModelTransformer: Any = quantization.graph_transformations.model_transformer.ModelTransformer
QuantizeWrapper: Any = quantization.QuantizeWrapperV2

NoOpActivation: Any = need(_PRIVATE + "quantize_aware_activation").NoOpActivation
QuantizeLayer: Any = need(_PRIVATE + "quantize_layer").QuantizeLayer
Default8BitQuantizeConfig: Any = need(
    _PRIVATE + "default_8bit.default_8bit_quantize_registry"
).Default8BitQuantizeConfig


def zero_preserving_registry() -> Any:
    """Return the registry whose quantizers keep the zeros of pruned kernels during training."""
    return _tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme().get_quantize_registry()
