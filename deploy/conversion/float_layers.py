"""Layers of an int8 file that stay float: which operations that takes, and the names that users have for them."""

from collections.abc import Collection, Iterable

from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.errors import unknown_name

PASSING = (
    *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "PAD", "CONCATENATION"),
    *("MAX_POOL_2D", "SPLIT"),
)
"""Operations that hand values on. A tensor stays float only where these stay float too, and what reads them."""


def layer_name(tensor: str) -> str:
    """Return the layer's name in the name of a tensor, such as ``conv`` of ``net/relu/Relu;net/conv/Conv2D``.

    A fused operation has the names of all its parts. The last part is the one with the weights.
    """
    parts = tensor.split(";")[-1].partition("/ReadVariableOp")[0].split("/")  # what reads a bias is no layer
    return parts[-2] if len(parts) > 1 and parts[-2] else parts[-1]


def tensors_of(tensors: Iterable[str], layers: Collection[str]) -> list[str]:
    """Return the tensors of layers.

    Args:
        tensors: the names of all tensors that are computed.
        layers: names of layers, as ``--explain`` prints them, or of tensors.

    Raises:
        InputError: no tensor has a name.
    """
    known = {name: layer_name(name) for name in tensors}
    for layer in layers:
        if layer not in known and layer not in known.values():
            raise unknown_name("layer", layer, known.values())
    return [name for name, layer in known.items() if name in layers or layer in layers]


def kept_float(file: TFLiteObject, tensors: Collection[str]) -> list[str]:
    """Return the operations that must stay float so that some tensors do, by the names of their first outputs."""
    known = file.names()
    passing = {getattr(file.schema.BuiltinOperator, name) for name in PASSING}
    waiting = [known[name] for name in tensors if name in known]
    kept = {int(op.outputs[0]) for _, op in file.operations() if set(map(int, op.outputs)) & set(waiting)}
    while waiting:
        index = waiting.pop()
        for code, operation in file.operations():
            if index in map(int, operation.inputs) and int(operation.outputs[0]) not in kept:
                kept.add(int(operation.outputs[0]))
                waiting += map(int, operation.outputs) if code in passing else ()
    return sorted(file.name(index) for index in kept)
