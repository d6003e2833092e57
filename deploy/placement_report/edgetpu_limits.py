"""The Edge TPU compiler's limits as a table: one row for each operation that the Edge TPU has.

The rows follow the table "Supported operations" of https://coral.ai/docs/edgetpu/models-intro for the last compiler,
version 16 (runtime 14). Limits that Google does not publish are estimates from published logs of the compiler; their
constants say from which.
"""

from collections.abc import Callable
from math import prod

from edge.deploy.placement_report.graph import Operation, Tensor
from edge.deploy.placement_report.placements import Limit

Check = Callable[[Operation], Limit | None]

MOST_SOFTMAX_VALUES = 16_000
MOST_RESIZED_BYTES = 2 << 20
"""The most bytes that a resize may return. 80x80x256 was mapped, 1024x1024x3 was not (google-coral/edgetpu#597)."""
MOST_AVERAGED_PIXELS = 1 << 14
"""The most pixels that a mean may take. 64x128 was mapped, 256x128 was not (google-coral/edgetpu#461)."""

_QUANTIZE = "quantize the whole network: edge-convert MODEL --out NAME --tflite int8 --calibrate DATA"


def limit(operation: Operation) -> Limit | None:
    """Return why the Edge TPU cannot run an operation of the table, or None when it can."""
    return next(filter(None, (check(operation) for check in (_types, *SUPPORTED[operation.name], _ranks))), None)


def _types(operation: Operation) -> Limit | None:
    for tensor in operation.activations:
        if tensor.dtype not in ("int8", "uint8"):
            return Limit(f"it works on {tensor.dtype}, and the Edge TPU takes int8 and uint8 alone", _QUANTIZE)
        if tensor.scales != 1:
            what = f"{tensor.scales} scales" if tensor.scales else "no scale"
            return Limit(f"tensor {tensor.name!r} has {what}, and an activation needs exactly one", _QUANTIZE)
    for tensor in operation.constants:
        if tensor.dtype not in ("int8", "uint8", "int16", "int32", "int64"):
            return Limit(f"its constant {tensor.name!r} is {tensor.dtype}, and the Edge TPU takes int8", _QUANTIZE)
    return None


def _ranks(operation: Operation) -> Limit | None:
    for tensor in operation.activations:
        if any(size != 1 for size in tensor.shape[:-3]):
            return Limit(
                f"tensor {tensor.name!r} is {_times(tensor.shape)}, and only the 3 innermost sizes may be above 1",
                "use a batch of 1, and reshape so that at most 3 sizes are above 1, all of them innermost",
            )
    return None


def _constant(*indices: int) -> Check:
    """Return the check that these inputs, where there are any, are constants."""

    def check(operation: Operation) -> Limit | None:
        for index in indices:
            tensor = operation.input(index)
            if tensor is not None and not tensor.constant and not tensor.variable:
                return Limit(
                    f"its parameter {tensor.name!r} is computed, and the compiler needs it as a constant",
                    "use a layer with fixed weights and sizes, and a batch frozen at 1",
                )
        return None

    return check


def _same_dilation(width: int, height: int) -> Check:
    def check(operation: Operation) -> Limit | None:
        across, down = (operation.option(field, default=1) for field in (width, height))
        if across == down:
            return None
        return Limit(f"its dilation is {across}x{down}", "use the same dilation in both directions")

    return check


def _ungrouped(operation: Operation) -> Limit | None:
    values, kernel = operation.input(0), operation.input(1)
    if values is None or kernel is None or not values.shape or values.shape[-1:] == kernel.shape[-1:]:
        return None
    return Limit(
        f"it is a grouped convolution ({values.shape[-1]} channels, {kernel.shape[-1]} in a group), newer than the "
        "compiler",
        "split the channels, use one convolution for each group, and concatenate; or use a depthwise convolution",
    )


def _not_fused(field: int) -> Check:
    def check(operation: Operation) -> Limit | None:
        if not operation.option(field, "<b"):
            return None
        return Limit("it has a fused activation function", "put the activation into an operation of its own")

    return check


def _zero_padding(operation: Operation) -> Limit | None:
    if not operation.constants:
        return None
    constant = operation.constants[0]
    if len(operation.inputs) == 2 and _is_zero(constant):
        return None
    return Limit(
        f"it joins the constant {constant.name!r}, which is possible with one other input and zeros alone",
        "join computed tensors alone, or add the constant on the CPU after the network",
    )


def _is_zero(tensor: Tensor) -> bool:
    values = tensor.buffer.bytes(0) if tensor.buffer is not None else b""
    return set(values) <= {tensor.zero_point & 0xFF}


def _one_vector(operation: Operation) -> Limit | None:
    if operation.option(1, "<b"):
        return Limit("its weights are shuffled, and only the default format is supported", "convert the network again")
    output = operation.outputs[0] if operation.outputs else None
    if output is None or sum(size != 1 for size in output.shape) <= 1:
        return None
    return Limit(
        f"its output is {_times(output.shape)}, and the output of a dense layer must be one vector",
        "use a 1x1 convolution for a dense layer on a sequence or an image",
    )


def _softmax_size(operation: Operation) -> Limit | None:
    values = operation.input(0)
    if values is None or (prod(values.shape[:-1]) == 1 and values.elements <= MOST_SOFTMAX_VALUES):
        return None
    return Limit(
        f"its input is {_times(values.shape)}, and a softmax takes one vector of at most {MOST_SOFTMAX_VALUES:,}",
        "return the logits, and compute the softmax on the CPU after the network",
    )


def _resize_size(operation: Operation) -> Limit | None:
    values, result = operation.input(0), operation.outputs[0] if operation.outputs else None
    if values is None or result is None or len(values.shape) != 4 or len(result.shape) != 4:
        return Limit("its input and output must be images", "give it a tensor of batch, height, width and channels")
    if prod(values.shape[1:3]) == 1 and prod(result.shape[1:3]) > 1:
        return Limit(
            "it enlarges a single pixel, which the compiler leaves out to keep the precision",
            "let an addition or multiplication broadcast the pixel, or leave the image pooling branch out",
        )
    if result.elements > MOST_RESIZED_BYTES:
        return Limit(
            f"its output is {_times(result.shape)}, which is too large by published logs of the compiler",
            "use a smaller input, or resize on the CPU after the network",
        )
    return None


def _mean(operation: Operation) -> Limit | None:
    values, axes = operation.input(0), _axes(operation)
    if values is None or 0 in axes:
        return _not_batch(operation)
    rank = len(values.shape)
    if rank - 1 in axes and values.shape[-1] % 4:
        return Limit(
            f"it averages {values.shape[-1]} channels, which must be a multiple of 4", "use a multiple of 4 channels"
        )
    pixels = prod(values.shape[axis] for axis in axes if 0 <= axis < rank - 1)
    if pixels > MOST_AVERAGED_PIXELS:
        return Limit(
            f"it averages {pixels:,} pixels, which are too many by published logs of the compiler",
            "average in two steps: pool first, then take the mean",
        )
    return None


def _not_batch(operation: Operation) -> Limit | None:
    if 0 not in _axes(operation):
        return None
    return Limit("it reduces the batch dimension", "reduce the other dimensions alone")


def _axes(operation: Operation) -> set[int]:
    """Return the axes of a reduction, counted from the front."""
    values, axes = operation.input(0), operation.input(1)
    if values is None or axes is None:
        return set()
    return {axis % max(1, len(values.shape)) for axis in axes.integers}


def _pack_axis(operation: Operation) -> Limit | None:
    rank = len(operation.outputs[0].shape) if operation.outputs else 1
    if operation.option(1) % max(1, rank):
        return None
    return Limit("it packs along the batch dimension", "pack along another dimension, or use a concatenation")


def _split_axis(operation: Operation) -> Limit | None:
    axis, values = operation.input(0), operation.input(1)
    if axis is None or values is None or 0 not in {a % max(1, len(values.shape)) for a in axis.integers}:
        return None
    return Limit("it splits the batch dimension", "split another dimension")


def _unpadded_batch(operation: Operation) -> Limit | None:
    paddings = operation.input(1)
    if paddings is None or not any(paddings.integers[:2]):
        return None
    return Limit("it pads the batch dimension", "pad height, width and channels alone")


def _innermost_alpha(operation: Operation) -> Limit | None:
    alpha = operation.input(1)
    if alpha is None or prod(alpha.shape[:-1]) == 1:
        return None
    return Limit(
        f"its slopes are {_times(alpha.shape)}, and there must be one for each channel", "use shared_axes=[1, 2]"
    )


def _plain_slice(operation: Operation) -> Limit | None:
    strides = operation.input(3)
    if strides is not None and any(stride != 1 for stride in strides.integers):
        return Limit(
            f"its strides are {_times(strides.integers)}, and all must be 1",
            "use a convolution or a pooling with a stride, or slice before the network",
        )
    if operation.option(2) or operation.option(3):
        return Limit("it has an ellipsis or adds an axis", "slice with a plain begin and end, and reshape afterwards")
    return None


def _fixed_batch(operation: Operation) -> Limit | None:
    order = operation.input(1)
    if order is None or len(order.integers) < 4 or order.integers[0] == 0:
        return None
    return Limit("it moves the batch dimension", "keep the batch in front")


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


_LSTM_PARAMETERS = tuple(range(1, 18))
"""The inputs of an LSTM with weights and biases. Those after them are its states."""

SUPPORTED: dict[str, tuple[Check, ...]] = {
    "ADD": (),
    "AVERAGE_POOL_2D": (_not_fused(5),),
    "CONCATENATION": (_not_fused(1), _zero_padding),
    "CONV_2D": (_constant(1, 2), _same_dilation(4, 5), _ungrouped),
    "DEPTHWISE_CONV_2D": (_constant(1, 2), _same_dilation(5, 6)),
    "EXPAND_DIMS": (_constant(1),),
    "FULLY_CONNECTED": (_constant(1, 2), _one_vector),
    "L2_NORMALIZATION": (_not_fused(0),),
    "LOGISTIC": (),
    "MAXIMUM": (),
    "MAX_POOL_2D": (_not_fused(5),),
    "MEAN": (_constant(1), _mean),
    "MINIMUM": (),
    "MUL": (),
    "PACK": (_pack_axis,),
    "PAD": (_constant(1), _unpadded_batch),
    "PRELU": (_constant(1), _innermost_alpha),
    "QUANTIZE": (),
    "REDUCE_MAX": (_constant(1), _not_batch),
    "REDUCE_MIN": (_constant(1), _not_batch),
    "RELU": (),
    "RELU6": (),
    "RELU_N1_TO_1": (),
    "RESHAPE": (_constant(1),),
    "RESIZE_BILINEAR": (_constant(1), _resize_size),
    "RESIZE_NEAREST_NEIGHBOR": (_constant(1), _resize_size),
    "RSQRT": (),
    "SLICE": (_constant(1, 2),),
    "SOFTMAX": (_softmax_size,),
    "SPACE_TO_DEPTH": (),
    "SPLIT": (_constant(0), _split_axis),
    "SQUARED_DIFFERENCE": (),
    "SQUEEZE": (),
    "STRIDED_SLICE": (_constant(1, 2, 3), _plain_slice),
    "SUB": (),
    "SUM": (_constant(1), _not_batch),
    "TANH": (),
    "TRANSPOSE": (_constant(1), _fixed_batch),
    "TRANSPOSE_CONV": (_constant(0, 1, 3),),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (_constant(*_LSTM_PARAMETERS),),
}
"""What must hold for each operation that the Edge TPU has, besides the types and sizes of its tensors."""
