"""``layers`` finds the weights of an ONNX file and the tensors they are multiplied by, so that they can be rounded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.gptq import Hessian
from edge.calibration.im2col import Window, dense_rows, grouped_rows
from edge.calibration.weighted_layers import MOST_INPUTS, WeightedLayer
from edge.deploy._tensorflow import need

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Bound:
    """A layer for ``edge.calibration.weighted_layers``, with its weights in the file.

    Attributes:
        layer: the layer whose weights calibration rounds.
        weights: the ``TensorProto`` of the weights.
        bias: the ``TensorProto`` of the bias.
        axes: the order of the weights' axes that the layer needs: outputs, height, width, inputs.
    """

    layer: WeightedLayer
    weights: Any
    bias: Any
    axes: tuple[int, ...]

    def round(self) -> None:
        """Replace the layer's weights in the file by rounded ones, and correct its bias. Other layers may do so too."""
        weights, bias = _values(self.weights), _values(self.bias)
        whole, moved = self.layer.on_steps(np.ascontiguousarray(weights.transpose(self.axes)), bias)
        _store(self.weights, whole.transpose(np.argsort(self.axes)))
        _store(self.bias, moved)


def layers(graph: Any, number: Mapping[str, int]) -> list[Bound]:
    """Return the 2-D convolutions and dense layers with constant weights and bias that no other operation reads.

    Args:
        graph: the ``GraphProto``, with known shapes or without.
        number: the number of each observed tensor, by name.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    uses: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            uses[name] = uses.get(name, 0) + 1
    found = []
    for node in graph.node:
        own = [name for name in node.input[1:3] if name in constants and uses[name] == 1]
        if node.op_type in ("Conv", "Gemm") and len(own) == 2 and node.input[0] in number:
            bound = _bound(node, constants[own[0]], constants[own[1]], number[node.input[0]])
            found += [bound] if bound else []
    return found


def _bound(node: Any, weights: Any, bias: Any, source: int) -> Bound | None:
    get = need("onnx").helper.get_attribute_value
    given = {attribute.name: get(attribute) for attribute in node.attribute}
    if node.op_type == "Gemm":
        if given.get("alpha", 1.0) != 1.0 or given.get("beta", 1.0) != 1.0 or given.get("transA", 0):
            return None
        axes = (0, 1) if given.get("transB", 0) else (1, 0)
        inputs = int(weights.dims[axes[1]])
        if inputs > MOST_INPUTS or _values(bias).size != weights.dims[axes[0]]:
            return None
        layer = WeightedLayer(source, False, 1, partial(dense_rows, inputs=inputs), Hessian.empty(1, inputs))
        return Bound(layer, weights, bias, axes)
    n, groups = math.prod(weights.dims[1:]), int(given.get("group", 1))
    if len(weights.dims) != 4 or n > MOST_INPUTS or given.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    window = Window(
        size=tuple(weights.dims[2:]),
        stride=tuple(given.get("strides", (1, 1))),
        dilation=tuple(given.get("dilations", (1, 1))),
    )
    pads = tuple(given.get("pads", (0, 0, 0, 0)))
    layer = _Convolution(source, False, 0, partial(_rows, window, pads, groups), Hessian.empty(groups, n))
    return Bound(layer, weights, bias, (0, 2, 3, 1))


class _Convolution(WeightedLayer):
    """A convolution, whose number of outputs is known when it has a picture."""

    def observe(self, value: Floats, count: int, rng: np.random.Generator) -> None:
        """See WeightedLayer."""
        self.hessian.observe(self.rows(value, (count, rng)))  # type: ignore[arg-type]


def _rows(window: Window, pads: tuple[int, ...], groups: int, value: Floats, choice: Any) -> Floats:
    """Return what the convolution multiplies at random positions of a picture (1, channels, height, width)."""
    top, left, bottom, right = pads
    picture = np.pad(value, ((0, 0), (0, 0), (top, bottom), (left, right))).transpose(0, 2, 3, 1)
    sides = [window.outputs_and_padding(axis, picture.shape[1 + axis])[0] for axis in (0, 1)]
    count, rng = choice
    positions = math.prod(sides)
    return grouped_rows(picture, rng.choice(positions, min(count, positions), replace=False), window, groups)


def _values(tensor: Any) -> Floats:
    return np.array(need("onnx").numpy_helper.to_array(tensor), np.float32)


def _store(tensor: Any, values: NDArray[np.floating[Any]]) -> None:
    onnx = need("onnx")
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values, np.float32), tensor.name))
