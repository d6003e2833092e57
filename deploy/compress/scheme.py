"""``Scheme`` is tfmot's 8-bit scheme with three corrections. Importing this module imports tfmot.

Without the corrections the int8 file would compute something else, or contain float operations:
- tfmot has one range for a whole depthwise kernel, while the file has one per channel (see ``quantize_configs``).
- tfmot does not quantize the weights of a convolution or dense layer when a ReLU follows without a normalization.
- tfmot does not fold a normalization into a transposed convolution or a dense layer, and the converter cannot do it
  once the weights are quantized.
"""

from collections import OrderedDict
from typing import Any

import numpy as np

from edge.deploy import quantize_configs as own
from edge.deploy._tensorflow import need
from edge.deploy._tfmot import ModelTransformer, NoOpActivation, default_8bit, transforms, zero_preserving_registry
from edge.deploy.compress.prune import PRUNED

_keras: Any = need("tf_keras")

FOLDED = "Conv2DTranspose|Dense"
"""Layers into which their normalization is folded before training. tfmot does it for the other convolutions."""

WEIGHTED = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "Dense")
"""Layers with weights that are quantized."""


class Scheme(default_8bit.Default8BitQuantizeScheme):
    """An int8 scheme with per-channel weights and per-tensor activations.

    Attributes:
        keep_sparsity: whether zeros in kernels stay zero during training.
    """

    def __init__(self, keep_sparsity: bool = False) -> None:
        super().__init__()
        self.keep_sparsity = keep_sparsity

    def get_layout_transformer(self) -> Any:
        """Return the transformation of the layers before they are wrapped."""
        return _Layout()

    def get_quantize_registry(self) -> Any:
        """Return the registry that states how each layer is wrapped."""
        return _Preserving() if self.keep_sparsity else _Registry()


class _Layout(default_8bit.Default8BitQuantizeLayoutTransform):
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> Any:
        """Fold normalizations, apply tfmot's transformations, and quantize the weights of layers before a ReLU."""
        quantized = layer_quantize_map
        if any(_folds(layer) for layer in model.layers):  # rebuilding a large network takes seconds
            model, quantized = ModelTransformer(model, [_Fold()], set(quantized), quantized).transform()
        model, quantized = super().apply(model, quantized)
        for layer in model.layers:
            if type(layer).__name__ in WEIGHTED and _before_relu(layer):
                quantized[layer.name] = {}  # use the registry's configuration
                if layer.activation is _keras.activations.linear:
                    layer.activation = NoOpActivation()  # no range for the output: the ReLU has one
        return model, quantized


def _folds(layer: Any) -> bool:
    before = [node.layer for node in layer.inbound_nodes[0].parent_nodes]
    return type(layer).__name__ == "BatchNormalization" and type(before[0]).__name__ in FOLDED.split("|")


def _before_relu(layer: Any) -> bool:
    followers = [node.outbound_layer for node in layer.outbound_nodes]
    return len(followers) == 1 and type(followers[0]).__name__ == "ReLU"


class _Fold(transforms.Transform):
    """Folds a normalization into the transposed convolution or dense layer before it, and keeps its name."""

    def pattern(self) -> Any:
        weighted = transforms.LayerPattern(FOLDED, {"activation": "linear"})
        return transforms.LayerPattern("BatchNormalization", inputs=[weighted])

    def replacement(self, match_layer: Any) -> Any:
        layer = match_layer.input_layers[0]
        kernel, bias = folded(layer.layer, dict(layer.weights), match_layer.layer["config"], dict(match_layer.weights))
        name = match_layer.layer["config"]["name"]
        config = layer.layer | {"name": name, "config": layer.layer["config"] | {"name": name, "use_bias": True}}
        weights = OrderedDict([("kernel:0", kernel), ("bias:0", bias)])
        return transforms.LayerNode(config, weights, metadata={"quantize_config": None})  # None: the registry decides


def folded(layer: dict[str, Any], weights: dict[str, Any], norm: dict[str, Any], statistics: dict[str, Any]) -> Any:
    """Return the kernel and bias into which a layer and its batch normalization fold for inference.

    kernel' = kernel * gamma / sqrt(variance + epsilon), bias' = beta + (bias - mean) * gamma / sqrt(variance + epsilon)
    (Jacob et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2).

    Args:
        layer: the serialized layer, a Conv2DTranspose or Dense.
        weights: the layer's weights by variable name.
        norm: the configuration of the normalization.
        statistics: the normalization's weights by variable name.
    """
    shape = np.shape(statistics["moving_mean:0"])
    scale = statistics.get("gamma:0", np.ones(shape)) / np.sqrt(statistics["moving_variance:0"] + norm["epsilon"])
    bias = weights.get("bias:0", np.zeros(shape)) - statistics["moving_mean:0"]
    # The kernel of a transposed convolution is (height, width, out, in), that of a dense layer (in, out).
    wide = scale[:, None] if layer["class_name"] == "Conv2DTranspose" else scale
    return weights["kernel:0"] * wide, bias * scale + statistics.get("beta:0", np.zeros(shape))


class _Registry(default_8bit.Default8BitQuantizeRegistry):
    def get_quantize_config(self, layer: Any) -> Any:
        if type(layer).__name__ == "DepthwiseConv2D":
            return own.QuantizeDepthwise()
        return super().get_quantize_config(layer)


class _Preserving(_Registry):
    """Keeps the zeros of the PRUNED layers. tfmot's own registry would refuse a network that has other layers."""

    def get_quantize_config(self, layer: Any) -> Any:
        if type(layer).__name__ in PRUNED:
            return zero_preserving_registry().get_quantize_config(layer)
        return super().get_quantize_config(layer)
