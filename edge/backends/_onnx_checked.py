"""``refuse`` raises for what a runtime is not known to compute from an ONNX file as ONNX Runtime does.

OpenVINO and OpenCV compute some operations otherwise than ONNX defines them, without an error. Each of them therefore
has a table of operations with their attributes and values; ``tests/backends/test_operations.py`` compares them with
ONNX Runtime. Everything else is refused.

Both also lose NaN: their Relu, Clip, Max, MaxPool or ReduceMax returns an ordinary number for it. A file with NaN among
its constants and an input with NaN or infinity are therefore refused. A NaN that arises inside the network, as from
0 / 0, is not noticed; only ONNX Runtime is known to show it in the outputs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.backends._onnx_file import OnnxFile, Operation
from edge.errors import InputError
from edge.tensors import Array, TensorSpec

OPSETS = range(7, 22)
"""The versions of ONNX's operations that are checked. Before 7, Add and the like broadcast otherwise."""

_PLAIN = (
    "Abs Add Div Dropout Erf Exp Expand GlobalAveragePool GlobalMaxPool HardSwish Identity Log MatMul Max Min Mish Mul "
    "Neg PRelu Pow Relu Shape Sigmoid Softplus Sqrt Sub Tanh Tile"
)
_CONV = "auto_pad dilations group kernel_shape pads strides"
_POOL = "auto_pad ceil_mode dilations kernel_shape pads strides"

ATTRIBUTES: Mapping[str, str] = {
    **dict.fromkeys(_PLAIN.split(), ""),
    "AveragePool": "auto_pad ceil_mode count_include_pad kernel_shape pads strides",
    "BatchNormalization": "epsilon momentum training_mode",
    "Clip": "max min",
    "Concat": "axis",
    "Constant": "value value_float value_floats value_ints",
    "Conv": _CONV,
    "ConvTranspose": f"{_CONV} output_padding",
    "DepthToSpace": "blocksize mode",
    "Elu": "alpha",
    "Flatten": "axis",
    "Gather": "axis",
    "Gelu": "approximate",
    "Gemm": "alpha beta transA transB",
    "HardSigmoid": "alpha beta",
    "InstanceNormalization": "epsilon",
    "LayerNormalization": "axis epsilon stash_type",
    "LeakyRelu": "alpha",
    "LogSoftmax": "axis",
    "MaxPool": f"{_POOL} storage_order",
    "Pad": "mode",
    **dict.fromkeys(("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), "axes keepdims"),
    "Reshape": "allowzero",
    "Resize": "coordinate_transformation_mode cubic_coeff_a mode nearest_mode",
    "Selu": "alpha gamma",
    "Slice": "axes ends starts",
    "Softmax": "axis",
    "SpaceToDepth": "blocksize",
    "Split": "axis num_outputs split",
    "Squeeze": "axes",
    "Transpose": "perm",
    "Unsqueeze": "axes",
}
"""The operations, each with the names of the attributes that are checked."""

VALUES: Mapping[tuple[str, str], tuple[str | int, ...]] = {
    ("AveragePool", "auto_pad"): ("NOTSET", "VALID"),
    ("AveragePool", "ceil_mode"): (0,),
    ("BatchNormalization", "training_mode"): (0,),
    ("LayerNormalization", "stash_type"): (1,),
    ("MaxPool", "auto_pad"): ("NOTSET", "VALID"),
    ("MaxPool", "ceil_mode"): (0,),
    ("MaxPool", "storage_order"): (0,),
    ("Pad", "mode"): ("constant", "edge", "reflect"),
    ("Reshape", "allowzero"): (0,),
}
"""The values of an attribute that are checked, where they are not all that ONNX has."""

_FLATTENING = ("Hardmax", "LogSoftmax", "Softmax")
"""Before version 13 these join all dimensions from ``axis`` on. The runtimes take the one dimension only."""


_SAME_RANK = (
    "AveragePool BatchNormalization Clip Concat Elu GlobalAveragePool HardSigmoid HardSwish Identity "
    "InstanceNormalization LeakyRelu MaxPool PRelu Pad Relu Resize Sigmoid Softmax Tanh"
)
"""Operations whose first output has as many dimensions as the first input."""


class Checked(NamedTuple):
    """What a runtime is known to compute right.

    Attributes:
        runtime: its name in messages.
        attributes: its operations, each with the names of the attributes that are checked.
        values: the values of an attribute that are checked, where they are not all that ONNX has.
        resizes: the mode of a Resize, its coordinate transformation, and its rounding if the mode is nearest.
        exact_scales: whether the factors of a Resize must be multiples of 1/64, which are exact in float32, so that the
            product with a size is rounded alike everywhere.
        whole_nearest: whether a nearest Resize must enlarge by a whole factor.
        prelu_slopes: whether PRelu may have slopes other than one for each channel.
    """

    runtime: str
    attributes: Mapping[str, str]
    values: Mapping[tuple[str, str], tuple[str | int, ...]]
    resizes: frozenset[tuple[str, ...]]
    exact_scales: bool = False
    whole_nearest: bool = False
    prelu_slopes: bool = True


def refuse(path: Path, file: OnnxFile, checked: Checked) -> None:
    """Raise InputError for a file with something that the runtime is not known to compute right."""
    words = "; run it with --backend onnxruntime"
    if file.opset not in OPSETS:
        raise InputError(
            f"model {path} must have ONNX operations of version {OPSETS[0]} to {OPSETS[-1]} for {checked.runtime}, "
            f"it has version {file.opset}{words}"
        )
    ranks = _ranks(file)
    for operation in file.operations:
        if lacking := _lacking(operation, file, ranks, checked):
            raise InputError(
                f"model {path} needs an operation that {checked.runtime} is not known to compute right: "
                f"{lacking}{words}"
            )
    for name, constant in file.constants.items():
        if constant.values is not None and np.isnan(constant.values).any():
            raise InputError(f"model {path}: constant {name!r} holds NaN, which {checked.runtime} may lose{words}")


def check_finite(path: Path, runtime: str, specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> None:
    """Raise InputError for an input with NaN or infinity, which the runtime may turn into an ordinary number."""
    for spec, array in zip(specs, arrays, strict=True):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(
                f"model {path}: input {spec.name!r} must be finite for {runtime}, it holds NaN or infinity; "
                "correct the input, or take another --backend"
            )


def _lacking(operation: Operation, file: OnnxFile, ranks: Mapping[str, int], checked: Checked) -> str:
    """Return what of an operation is not known to be right, or an empty text."""
    name, attributes = operation.name, operation.attributes
    if name not in checked.attributes:
        return name
    for key, value in attributes.items():
        allowed = checked.values.get((name, key))
        if key not in checked.attributes[name].split():
            return f"{name} with {key}"
        if allowed is not None and value not in allowed:
            return f"{name} with {key} {value}"
    if name in _FLATTENING and file.opset < 13 and not _normalizes_one_axis(operation, file, ranks):
        return f"{name} of version {file.opset} over several dimensions, or over an unknown number of them"
    if name == "Dropout" and (len(operation.inputs) > 2 or len(operation.outputs) > 1):
        return "Dropout with training_mode or a mask"
    if name == "BatchNormalization" and len(operation.outputs) > 1:
        return "BatchNormalization with more than one output"
    if name == "MaxPool" and len(operation.outputs) > 1:
        return "MaxPool with indices"
    if name == "PRelu" and not checked.prelu_slopes and not _per_channel(operation, file, ranks):
        return "PRelu with slopes that are not known to be one for each channel"
    return _lacking_of_resize(operation, file, checked) if name == "Resize" else ""


def _normalizes_one_axis(operation: Operation, file: OnnxFile, ranks: Mapping[str, int]) -> bool:
    """Return whether a Softmax has its axis last, or only dimensions of size 1 after it."""
    axis = operation.attributes.get("axis", 1)
    names = (*operation.inputs[:1], *operation.outputs[:1])
    if axis == -1 or any(ranks.get(name) == axis + 1 for name in names if isinstance(axis, int)):
        return True
    sizes = _sizes(file, names)
    return isinstance(axis, int) and sizes is not None and all(size == 1 for size in sizes[axis + 1 :])


def _per_channel(operation: Operation, file: OnnxFile, ranks: Mapping[str, int]) -> bool:
    """Return whether a PRelu has one slope for all, or one for each channel, which is dimension 1 of its input."""
    slope = file.constants.get(operation.inputs[1]) if len(operation.inputs) > 1 else None
    if slope is None:
        return False
    if all(size == 1 for size in slope.sizes):
        return True
    channel = len(slope.sizes) - ranks.get(operation.inputs[0], 0) + 1  # shapes are aligned at their ends
    return operation.inputs[0] in ranks and all(n == 1 for place, n in enumerate(slope.sizes) if place != channel)


def _ranks(file: OnnxFile) -> dict[str, int]:
    """Return the number of dimensions of the tensors for which it is stated, or follows from simple operations."""
    ranks = {
        name: len(sizes) for name, sizes in (*file.sizes.items(), *((n, c.sizes) for n, c in file.constants.items()))
    }
    for operation in file.operations:
        name, rank = operation.name, ranks.get(operation.inputs[0]) if operation.inputs else None
        if name in ("Flatten", "Gemm"):
            rank = 2
        elif name in ("Conv", "ConvTranspose") and len(operation.inputs) > 1:
            rank = ranks.get(operation.inputs[1])
        elif name == "Transpose" and isinstance(order := operation.attributes.get("perm"), tuple):
            rank = len(order)
        elif name == "Reshape" and (shape := file.constants.get("".join(operation.inputs[1:2]))) is not None:
            rank = sum(shape.sizes)  # the shape is a row
        elif name in ("Add", "Div", "Mul", "Sub"):
            both = [ranks.get(one) for one in operation.inputs]
            rank = None if None in both else max(filter(None, both), default=0)
        elif name not in _SAME_RANK.split():
            continue
        if rank is not None:
            ranks.update((output, rank) for output in operation.outputs[:1] if output not in ranks)
    return ranks


def _lacking_of_resize(operation: Operation, file: OnnxFile, checked: Checked) -> str:
    attributes = operation.attributes
    mode = str(attributes.get("mode", "nearest"))
    default = "asymmetric" if file.opset < 11 else "half_pixel"  # version 10 knew no other
    kind: tuple[str, ...] = (mode, str(attributes.get("coordinate_transformation_mode", default)))
    if mode == "nearest":
        kind += (str(attributes.get("nearest_mode", "floor" if file.opset < 11 else "round_prefer_floor")),)
    if kind not in checked.resizes:
        return f"Resize with mode {', '.join(kind)}"
    if checked.exact_scales and not _has_exact_scales(operation, file):
        return "Resize by factors that are not known to be multiples of 1/64"
    if mode == "nearest" and checked.whole_nearest and not _enlarges_by_whole_factors(operation, file):
        return "Resize with mode nearest by factors that are not known to be whole numbers"
    return ""


def _has_exact_scales(operation: Operation, file: OnnxFile) -> bool:
    """Return whether a Resize has sizes, or constant factors that are multiples of 1/64."""
    if any(operation.inputs[3:]):
        return True
    name = "".join(operation.inputs[1:2] if file.opset < 11 else operation.inputs[2:3])
    scales = file.constants.get(name)
    return scales is not None and scales.values is not None and bool((scales.values % (1 / 64) == 0).all())


def _enlarges_by_whole_factors(operation: Operation, file: OnnxFile) -> bool:
    """Return whether the factors of a Resize are constants, or its sizes are declared, and they are whole numbers."""
    for name in operation.inputs[1:]:
        scales = file.constants.get(name)
        if scales is not None and scales.values is not None and scales.values.size:
            return bool((scales.values == np.round(scales.values)).all() and (scales.values >= 1).all())
    before, after = (_sizes(file, names[:1]) for names in (operation.inputs, operation.outputs))
    if before is None or after is None or len(before) != len(after):
        return False
    pairs = list(zip(before, after, strict=True))
    return all(a is not None and b is not None and b % a == 0 for a, b in pairs[1:]) and pairs[0][0] == pairs[0][1]


def _sizes(file: OnnxFile, names: Sequence[str]) -> tuple[int | None, ...] | None:
    """Return the declared dimensions of the first of the tensors for which the file states them."""
    return next((file.sizes[name] for name in names if name in file.sizes), None)
