"""What tf2onnx gets wrong, put right in its own table of handlers. Importing this imports tf2onnx."""

from typing import Any

from tf2onnx import utils
from tf2onnx.handler import tfl_op
from tf2onnx.tflite_handlers.tfl_math import TflFullyConnectedOp


@tfl_op(["TFL_FULLY_CONNECTED"])
class FullyConnected(TflFullyConnectedOp):
    """Dense layers that read a tensor of more than two dimensions, as behind a flattening that was folded away.

    tf2onnx 1.17 flattens that input and forgets the bias while it does. Flattened here, with all inputs kept,
    there is nothing left for it to do.
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
