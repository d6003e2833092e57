"""tfmot's parts in one place: by their public names, and the three that have none.

Importing this imports tfmot. ``NoOpActivation``, ``QuantizeLayer`` and ``Default8BitQuantizeConfig`` are what
tfmot's own scheme is made of; nothing public does the same, and a scheme that changes one of its choices needs them.
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
    """Return the registry that keeps the zeros of pruned kernels while they are trained."""
    return _tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme().get_quantize_registry()
