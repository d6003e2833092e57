"""Corrected handlers for tf2onnx, registered in its table. Importing this module imports tf2onnx."""

import math
from typing import Any

import numpy as np
from tf2onnx import utils
from tf2onnx.handler import tf_op, tfl_op
from tf2onnx.onnx_opset.nn import ConvTranspose, Resize
from tf2onnx.tflite_handlers import tfl_math, tfl_nn
from tf2onnx.tflite_handlers.tfl_math import TflFullyConnectedOp


@tfl_op(["TFL_FULLY_CONNECTED"])
class FullyConnected(TflFullyConnectedOp):
    """Dense layers whose input has more than two dimensions, because a flattening before it was removed.

    tf2onnx 1.17 flattens such an input, but loses the bias. This handler flattens it first and keeps all inputs.
    """

    @classmethod
    def to_tf(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one TFLite node, as tf2onnx's handlers do."""
        if node.attr["keep_num_dims"].i == 0 and ctx.get_rank(node.input[0]) != 2:
            _flatten_input(ctx, node)
        super().to_tf(ctx, node, **kwargs)


def _flatten_input(ctx: Any, node: Any) -> None:
    width = ctx.get_shape(node.input[1])[1]
    shape = ctx.make_const(utils.make_name("flat_shape"), np.array([-1, width], np.int64))
    dtype = ctx.get_dtype(node.input[0])
    flat = ctx.make_node("Reshape", [node.input[0], shape.output[0]], shapes=[[-1, width]], dtypes=[dtype])
    flat.skip_conversion = True
    ctx.replace_inputs(node, [flat.output[0], *node.input[1:]])


@tf_op(["Conv2DBackpropInput", "Conv3DBackpropInputV2"])
class GappedConvTranspose(ConvTranspose):
    """Transposed convolutions with a stride larger than the kernel, whose last rows depend on no input.

    tf2onnx 1.17 writes negative pads for these rows, which ONNX Runtime refuses. This handler writes
    ``output_padding`` instead.
    """

    @classmethod
    def version_1(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one node, opset 1 to 10."""
        super().version_1(ctx, node, **kwargs)
        _pads_to_output_padding(node)

    @classmethod
    def version_11(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one node, opset 11 on."""
        super().version_11(ctx, node, **kwargs)
        _pads_to_output_padding(node)


def _pads_to_output_padding(node: Any) -> None:
    pads = node.get_attr_value("pads")
    if pads is None or min(pads) >= 0:
        return
    half = len(pads) // 2
    totals = [before + after for before, after in zip(pads[:half], pads[half:], strict=True)]
    node.set_attr("output_padding", [max(0, -total) for total in totals])
    node.set_attr("pads", [pad if total >= 0 else 0 for pad, total in zip(pads, totals * 2, strict=True)])


@tf_op(["ResizeBilinear", "ResizeNearestNeighbor"])
class SizedResize(Resize):
    """Resizing to a known size.

    tf2onnx 1.17 writes the ratio of the sizes as float32 scales. ONNX computes the size from them, rounded down: for
    one in about thirty pairs of sizes it is one pixel short. This handler writes the size itself.
    """

    @classmethod
    def version_11(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one node, opset 11 on."""
        name, shape = node.name, ctx.get_shape(node.input[0])
        size = node.inputs[1].get_tensor_value() if node.inputs[1].is_const() else None
        super().version_11(ctx, node, **kwargs)
        resize = ctx.get_node_by_name(name).inputs[0]
        if size is None or not shape or len(resize.input) != 3:
            return
        sizes = np.array([max(1, shape[0]), shape[3], *size], np.int64)
        nothing = ctx.make_const(utils.make_name("no_scales"), np.array([], np.float32))
        given = ctx.make_const(utils.make_name("sizes"), sizes)
        ctx.replace_inputs(resize, [*resize.input[:2], nothing.output[0], given.output[0]])


@tfl_op(["TFL_GELU"])
class Gelu:
    """GELU, for which tf2onnx 1.17 has no handler: x / 2 * (1 + erf(x / sqrt 2)), or its form with tanh.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.
    """

    @classmethod
    def version_7(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one node."""
        x, dtype, shape = node.input[0], ctx.get_dtype(node.input[0]), ctx.get_shape(node.input[0])

        def make(kind: str, *inputs: Any) -> str:
            names = [one if isinstance(one, str) else _constant(ctx, one, dtype) for one in inputs]
            return str(ctx.make_node(kind, names, shapes=[shape], dtypes=[dtype]).output[0])

        if node.attr["approximate"].i if "approximate" in node.attr else False:
            cubic = make("Mul", make("Mul", make("Mul", x, x), x), 0.044715)
            inner = make("Tanh", make("Mul", make("Add", x, cubic), math.sqrt(2 / math.pi)))
        else:
            inner = make("Erf", make("Mul", x, math.sqrt(0.5)))
        _become(ctx, node, "Mul", [make("Mul", x, 0.5), make("Add", inner, 1.0)])


@tfl_op(["TFL_RELU_N1_TO_1"])
class ReluN1To1:
    """The activation that clips to -1 to 1, for which tf2onnx 1.17 has no handler."""

    @classmethod
    def version_7(cls, ctx: Any, node: Any, **kwargs: Any) -> None:
        """Rewrite one node."""
        dtype = ctx.get_dtype(node.input[0])
        _become(ctx, node, "Clip", [node.input[0], _constant(ctx, -1.0, dtype), _constant(ctx, 1.0, dtype)])


def _constant(ctx: Any, value: float, dtype: int) -> str:
    array = np.array(value, utils.ONNX_TO_NUMPY_DTYPE[dtype])
    return str(ctx.make_const(utils.make_name("constant"), array).output[0])


def _become(ctx: Any, node: Any, kind: str, inputs: list[str]) -> None:
    """Replace a node by one of another kind with the same outputs."""
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    ctx.remove_node(node.name)
    ctx.make_node(kind, inputs, name=node.name, outputs=outputs, shapes=shapes, dtypes=dtypes)


_separate_others = tfl_math.separate_fused_activation_function


def _separate_activation(ctx: Any, node: Any) -> None:
    """Write the activation inside an operation as a node behind it; tf2onnx 1.17 lacks the one to -1 to 1."""
    if node.attr["fused_activation_function"].s != b"RELU_N1_TO_1":
        _separate_others(ctx, node)
        return
    del node.attr["fused_activation_function"]
    shape, dtype = ctx.get_shape(node.output[0]), ctx.get_dtype(node.output[0])
    inputs = [node.output[0], _constant(ctx, -1.0, dtype), _constant(ctx, 1.0, dtype)]
    clip = ctx.make_node("Clip", inputs, shapes=[shape], dtypes=[dtype])
    clip.skip_conversion = True
    ctx.insert_node_on_output(clip, node.output[0])


tfl_math.separate_fused_activation_function = _separate_activation
tfl_nn.separate_fused_activation_function = _separate_activation
