"""tfmot's 8-bit scheme, corrected where the file would differ from it or hold something in float. Imports tfmot.

It has one range for all of a depthwise kernel (``quantize_configs``). It takes the quantizer of the weights off a
convolution or dense layer that a ReLU follows without normalization between. And it leaves a normalization behind a
transposed convolution or a dense layer as it is, which the converter cannot fold through the quantizer of the weights.
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
"""Layers that their normalization is folded into before training; tfmot does it for the other convolutions."""

WEIGHTED = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "Dense")


class Scheme(default_8bit.Default8BitQuantizeScheme):
    """8-bit weights per channel, activations per tensor. keep_sparsity: kernels' zeros stay zero while training."""

    def __init__(self, keep_sparsity: bool = False) -> None:
        super().__init__()
        self.keep_sparsity = keep_sparsity

    def get_layout_transformer(self) -> Any:
        """Return what changes the layers before they are wrapped."""
        return _Layout()

    def get_quantize_registry(self) -> Any:
        """Return what says how a layer is wrapped."""
        return _Preserving() if self.keep_sparsity else _Registry()


class _Layout(default_8bit.Default8BitQuantizeLayoutTransform):
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> Any:
        """Fold, do what tfmot does, and leave a weighted layer before a ReLU its weights' quantizer."""
        quantized = layer_quantize_map
        if any(_folds(layer) for layer in model.layers):  # seconds go into building a large network again
            model, quantized = ModelTransformer(model, [_Fold()], set(quantized), quantized).transform()
        model, quantized = super().apply(model, quantized)
        for layer in model.layers:
            if type(layer).__name__ in WEIGHTED and _before_relu(layer):
                quantized[layer.name] = {}  # what the registry says
                if layer.activation is _keras.activations.linear:
                    layer.activation = NoOpActivation()  # without a range of the output
        return model, quantized


def _folds(layer: Any) -> bool:
    before = [node.layer for node in layer.inbound_nodes[0].parent_nodes]
    return type(layer).__name__ == "BatchNormalization" and type(before[0]).__name__ in FOLDED.split("|")


def _before_relu(layer: Any) -> bool:
    followers = [node.outbound_layer for node in layer.outbound_nodes]
    return len(followers) == 1 and type(followers[0]).__name__ == "ReLU"


class _Fold(transforms.Transform):
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


class _Registry(default_8bit.Default8BitQuantizeRegistry):
    def get_quantize_config(self, layer: Any) -> Any:
        if type(layer).__name__ == "DepthwiseConv2D":
            return own.QuantizeDepthwise()
        return super().get_quantize_config(layer)


class _Preserving(_Registry):
    """Keeps the zeros of the layers whose zeros tfmot can keep; its own registry refuses a network that has others.

    Depthwise kernels are neither pruned nor kept.
    """

    def get_quantize_config(self, layer: Any) -> Any:
        if type(layer).__name__ in PRUNED:
            return zero_preserving_registry().get_quantize_config(layer)
        return super().get_quantize_config(layer)
