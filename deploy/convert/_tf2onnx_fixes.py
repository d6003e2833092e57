"""Corrected handlers for tf2onnx, registered in its table. Importing this module imports tf2onnx."""

from typing import Any

from tf2onnx import utils
from tf2onnx.handler import tf_op, tfl_op
from tf2onnx.onnx_opset.nn import ConvTranspose
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
    import numpy as np

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
