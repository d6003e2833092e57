"""The operations that the Edge TPU lacks, as a table: one row for each with a mend that is known."""

from edge.deploy.placement_report.graph import Operation
from edge.deploy.placement_report.placements import Limit

_AFTER = "leave it out of the network, and compute it on the CPU after the network"

FIXES: dict[str, str] = {
    "ABS": "use max(x, -x): MAXIMUM with a multiplication by -1",
    "ARG_MAX": "return the scores, and take the largest on the CPU after the network",
    "ARG_MIN": "return the values, and take the least on the CPU after the network",
    "BATCH_MATMUL": "use a dense layer or a 1x1 convolution, whose weights are constant",
    "BATCH_TO_SPACE_ND": "convert again with a dilated convolution (dilation_rate), which the converter keeps as one",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "use two LSTM layers, one of them on the reversed sequence",
    "BROADCAST_TO": "let an addition or multiplication broadcast",
    "CAST": "keep all tensors int8; convert types before or after the network",
    "DEPTH_TO_SPACE": "use a transposed convolution or a resize",
    "DIV": "multiply by the reciprocal, as a constant",
    "ELU": "use relu or relu6",
    "EXP": _AFTER,
    "GATHER": "use a slice or a split where the indices are constant",
    "GATHER_ND": _AFTER,
    "GELU": "use relu6",
    "HARD_SWISH": "use relu6 (such as mobilenet_v3_small_minimalistic), or write it as x * relu6(x + 3) / 6",
    "LEAKY_RELU": "use relu, or PReLU with one slope for each channel (shared_axes=[1, 2])",
    "LOG_SOFTMAX": "return the logits, and compute it on the CPU after the network",
    "LSTM": "convert with tf.keras.layers.LSTM(unroll=False), which becomes UNIDIRECTIONAL_SEQUENCE_LSTM",
    "MIRROR_PAD": "pad with zeros",
    "NEG": "multiply by -1",
    "NON_MAX_SUPPRESSION_V4": _AFTER,
    "NON_MAX_SUPPRESSION_V5": _AFTER,
    "PADV2": "pad with zeros",
    "POW": "use a multiplication for a square",
    "SHAPE": "freeze the batch at 1, so that all sizes are constant",
    "SPACE_TO_BATCH_ND": "convert again with a dilated convolution (dilation_rate), which the converter keeps as one",
    "SPLIT_V": "split into equal parts, or use slices",
    "SQRT": "use x * rsqrt(x)",
    "SQUARE": "multiply the tensor by itself",
    "TILE": "use a concatenation, or let an addition broadcast",
    "TOPK_V2": _AFTER,
    "UNPACK": "use a split or slices",
}
"""The mends. Operations that are not named here have none but to avoid them."""

WORDS: dict[str, str] = {"HARD_SWISH": "hard-swish", "LEAKY_RELU": "leaky relu"}
"""Names for people, where the schema's is not one."""


def missing(operation: Operation) -> Limit:
    """Return the limit of an operation that the Edge TPU lacks."""
    if operation.custom:
        return Limit(f"{operation.custom} is a custom operation, and the compiler knows none", _AFTER)
    if operation.name == "DEQUANTIZE":
        return Limit(
            "it returns floating-point numbers, which the Edge TPU does not have",
            "convert with int8 or uint8 outputs; at the network's end it costs little",
        )
    fix = FIXES.get(operation.name, f"use other operations instead, or {_AFTER}")
    return Limit(f"{WORDS.get(operation.name, operation.name)} has no kernel on the Edge TPU", fix)
