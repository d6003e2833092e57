"""tfmot's 8-bit scheme, corrected where it leaves something in float. Importing this imports tfmot.

It takes the quantizer of the weights off a convolution or dense layer that a ReLU follows without normalization
between; and it leaves a normalization behind a transposed convolution or a dense layer as it is, which the
converter cannot fold through the quantizer of the weights.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
from tensorflow_model_optimization.python.core.quantization.keras import quantize_aware_activation
from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
    prune_preserve_quantize_registry as preserve,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_layout_transform as layout,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as default,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import default_8bit_quantize_scheme
from tensorflow_model_optimization.python.core.quantization.keras.graph_transformations import transforms
from tensorflow_model_optimization.python.core.quantization.keras.graph_transformations.model_transformer import (
    ModelTransformer,
)

FOLDED = "Conv2DTranspose|Dense"
"""Layers that their normalization is folded into before training; tfmot does it for the other convolutions."""

WEIGHTED = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "Dense")


class Scheme(default_8bit_quantize_scheme.Default8BitQuantizeScheme):  # type: ignore[misc]
    """8-bit weights per channel, activations per tensor. keep_sparsity: kernels' zeros stay zero while training."""

    def __init__(self, keep_sparsity: bool = False) -> None:
        super().__init__()
        self.keep_sparsity = keep_sparsity

    def get_layout_transformer(self) -> Any:
        """Return what changes the layers before they are wrapped."""
        return _Layout()

    def get_quantize_registry(self) -> Any:
        """Return what says how a layer is wrapped."""
        return _Preserving() if self.keep_sparsity else super().get_quantize_registry()


class _Layout(layout.Default8BitQuantizeLayoutTransform):  # type: ignore[misc]
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> Any:
        """Fold, do what tfmot does, and leave a weighted layer before a ReLU its weights' quantizer."""
        names = set(layer_quantize_map)
        model, quantized = ModelTransformer(model, [_Fold()], names, layer_quantize_map).transform()
        model, quantized = super().apply(model, quantized)
        for layer in model.layers:
            if type(layer).__name__ in WEIGHTED and _before_relu(layer):
                layer.activation = quantize_aware_activation.NoOpActivation()
                quantized[layer.name] = {}  # what the registry says, without a range of the output
        return model, quantized


def _before_relu(layer: Any) -> bool:
    followers = [node.outbound_layer for node in layer.outbound_nodes]
    return len(followers) == 1 and type(followers[0]).__name__ == "ReLU"


class _Fold(transforms.Transform):  # type: ignore[misc]
    """Normalization behind a transposed convolution or a dense layer: one layer, called as the normalization was."""

    def pattern(self) -> Any:
        weighted = transforms.LayerPattern(FOLDED, {"activation": "linear"})
        return transforms.LayerPattern("BatchNormalization", inputs=[weighted])

    def replacement(self, match_layer: Any) -> Any:
        layer = match_layer.input_layers[0]
        kernel, bias = folded(layer.layer, dict(layer.weights), match_layer.layer["config"], dict(match_layer.weights))
        name = match_layer.layer["config"]["name"]
        config = layer.layer | {"name": name, "config": layer.layer["config"] | {"name": name, "use_bias": True}}
        weights = OrderedDict([("kernel:0", kernel), ("bias:0", bias)])
        return transforms.LayerNode(config, weights, metadata={"quantize_config": None})  # None: the registry's


def folded(layer: dict[str, Any], weights: dict[str, Any], norm: dict[str, Any], statistics: dict[str, Any]) -> Any:
    """Return the kernel and bias of ``layer`` that compute what it and its normalization do in inference.

    layer: its serialized form; norm: the normalization's configuration; weights, statistics: by the variables' names.
    """
    shape = np.shape(statistics["moving_mean:0"])
    scale = statistics.get("gamma:0", np.ones(shape)) / np.sqrt(statistics["moving_variance:0"] + norm["epsilon"])
    bias = weights.get("bias:0", np.zeros(shape)) - statistics["moving_mean:0"]
    # A transposed kernel is (height, width, out, in), a dense one (in, out).
    wide = scale[:, None] if layer["class_name"] == "Conv2DTranspose" else scale
    return weights["kernel:0"] * wide, bias * scale + statistics.get("beta:0", np.zeros(shape))


class _Preserving(preserve.Default8bitPrunePreserveQuantizeRegistry):  # type: ignore[misc]
    """Keeps the zeros of the layers whose zeros tfmot can keep; it refuses a network that has others."""

    def get_quantize_config(self, layer: Any) -> Any:
        if preserve.PrunePreserveQuantizeRegistry.supports(layer):
            return super().get_quantize_config(layer)
        return self._default().get_quantize_config(layer)

    def supports(self, layer: Any) -> bool:
        return bool(self._default().supports(layer))

    def _default(self) -> Any:
        return default.Default8BitQuantizeRegistry()
