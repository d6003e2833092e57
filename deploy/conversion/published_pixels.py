"""``published_pixels`` tells networks of ``keras.applications`` whose pixels are not scaled to -1..1.

Their weights were trained with means of ImageNet, which ``preprocess_input`` subtracts outside the network. Networks
that were trained further have the same layers, whose names are in the frozen graph.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge.deploy.conversion.pixel_scale import scales_first
from edge.imaging import Colour


@dataclass(frozen=True)
class PublishedPixels:
    """How ``preprocess_input`` of a module makes pixels from 0 to 255 the input: ``(pixel - mean) / std``.

    Attributes:
        module: the module of ``keras.applications``.
        mean: the mean of each channel.
        std: the divisor, one for all channels or one per channel.
        colour: the order of the channels.
    """

    module: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colour: Colour

    @property
    def note(self) -> str:
        """The line that tells the user what was assumed."""
        means = ", ".join(map(str, self.mean))
        return (
            f"pixels taken as keras.applications.{self.module}.preprocess_input makes them ({self.colour}, mean "
            f"{means}), because the network has the layers of {self.module}; if it was trained with others, give "
            "--mean, --std and --colour"
        )


Form = tuple[tuple[float, ...], tuple[float, ...], Colour]
CAFFE: Form = ((103.939, 116.779, 123.68), (1.0,), "BGR")
TORCH: Form = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "RGB")
"""Mean, std and colour of the modes ``caffe`` and ``torch`` of ``keras.applications``."""

_FAMILIES = (
    ({"block1_conv1", "block2_conv1", "block5_conv3"}, 3, PublishedPixels("vgg16", *CAFFE)),  # and of vgg19
    ({"conv1_conv", "conv1_bn", "conv5_block3_out"}, 7, PublishedPixels("resnet", *CAFFE)),  # version 2 has no conv1_bn
    ({"pool3_conv", "pool4_conv", "conv5_block16_concat"}, 7, PublishedPixels("densenet", *TORCH)),
)
"""Layers that together only one family has, and the side of the first kernel, (side, side, 3, 64)."""

_CALL = re.compile(r"_\d+$")
"""The number of the call that Keras 3 puts after a layer's name."""


def published_pixels(graph: Any, inputs: Iterable[str]) -> PublishedPixels | None:
    """Return how the published network takes pixels, or None for others and those that scale their input themselves.

    Args:
        graph: the ``GraphDef``, without variables.
        inputs: the names of the input nodes.
    """
    parts = {part for node in graph.node for part in node.name.split("/")}
    layers = parts | {_CALL.sub("", part) for part in parts}
    constants = (node.attr["value"].tensor.tensor_shape.dim for node in graph.node if node.op == "Const")
    kernels = {tuple(dim.size for dim in sizes) for sizes in constants}
    found = next((p for names, side, p in _FAMILIES if names <= layers and (side, side, 3, 64) in kernels), None)
    return None if found is None or scales_first(graph, inputs) else found
