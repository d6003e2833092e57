"""``bind`` matches the tensors of a model file with the inputs or outputs of the signature."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.errors import InputError
from edge.signature import Input, Output, describe
from edge.tensors import TensorSpec


def bind(
    specs: Sequence[TensorSpec], known: Sequence[Input | Output], in_file: Mapping[str, str], path: Path
) -> dict[str, tuple[int, TensorSpec]]:
    """Find the file's tensor for each input or output of the signature. Return index and spec of the tensor by name.

    Args:
        specs: the inputs or outputs of the file, in the file's order.
        known: the inputs or outputs of the signature.
        in_file: the file's name of each tensor, by its name in the signature. Empty when the orders agree.
        path: the file, for messages.

    Raises:
        InputError: a tensor is missing, its name is not unique, or its shape differs from that of the signature by more
            than axes of size 1.
    """
    if len(specs) != len(known):
        raise InputError(f"{path.name} must have tensors for {describe(known)}; it has {describe(specs)}")
    by_name = {spec.name: (place, spec) for place, spec in enumerate(specs)}
    if in_file and len(by_name) != len(specs):
        raise InputError(f"{path.name} must have tensors with names of their own; it has {describe(specs)}")
    if len(set(in_file.values())) != len(in_file):
        raise InputError(
            f"each of {', '.join(in_file)} must have a tensor of its own in {path.name}, "
            f"got {', '.join(in_file.values())}"
        )
    found = {}
    for place, one in enumerate(known):
        name = in_file.get(one.name, specs[place].name) if in_file else None
        if name is not None and name not in by_name:
            raise InputError(
                f"the signature names the tensor {name!r}, which {path.name} lacks; it has {describe(specs)}"
            )
        spec = found[one.name] = (place, specs[place]) if name is None else by_name[name]
        if long_axes(spec[1].shape) != long_axes(one.shape):
            raise InputError(
                f"{one.name} must have the shape {one.shape} that the signature states, "
                f"in {path.name} it is {spec[1].describe()}"
            )
    return found


def long_axes(shape: Sequence[int]) -> list[int]:
    """Return the sizes but those of 1: formats add and leave out axes of one element."""
    return [size for size in shape if size != 1]
