"""Checks that every backend makes around its interpreter: readable files, fixed shapes, fitting arrays."""

from collections.abc import Sequence
from pathlib import Path

from edge.backends.base import OpenOptions
from edge.errors import FileError, InputError
from edge.tensors import Array, TensorSpec


def readable(path: Path) -> None:
    """Check that ``path`` is a file that can be read.

    Raises:
        FileError: it does not exist, is a folder, or cannot be read.
        InputError: it is empty.
    """
    if not path.exists():
        raise FileError(f"model {path} does not exist")
    if not path.is_file():
        raise FileError(f"model {path} must be a file, it is a folder; a bundle's folder holds a manifest.json")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise FileError(f"model {path} cannot be read: {error.strerror or error}") from error
    if empty:
        raise InputError(f"model {path} is empty; get or convert it again")


def no_device(name: str, options: OpenOptions) -> None:
    """Refuse options that a backend for the processor does not have.

    Raises:
        InputError: the options name a device or a delegate.
    """
    for option in ("device", "delegate"):
        if getattr(options, option) is not None:
            raise InputError(f"{name} runs on the processor and takes no {option}, got {getattr(options, option)}")


def batch_of_one(path: Path, name: str, shape: Sequence[int | None]) -> tuple[int, ...]:
    """Return the shape of an input with an open batch (None in front) set to 1.

    Args:
        path: the model file, for messages.
        name: the input, for messages.
        shape: its declared shape, None for an open dimension.

    Raises:
        InputError: another dimension is open. Buffers are allocated once, when the model is opened.
    """
    dimensions = [1 if i == 0 and size is None else size for i, size in enumerate(shape)]
    if None in dimensions:
        shown = ", ".join("?" if size is None else str(size) for size in shape)
        onnx = path.suffix.lower() == ".onnx"
        remedy = "give its sizes to edge-convert with --input-shape" if onnx else "convert it with a fixed input size"
        raise InputError(
            f"model {path}: input {name!r} must have a fixed shape except for its batch, got ({shown}); {remedy}"
        )
    return tuple(size for size in dimensions if size is not None)


def check_inputs(specs: Sequence[TensorSpec], arrays: Sequence[Array]) -> None:
    """Check that there is one array for each input, with its shape and dtype.

    Raises:
        InputError: the number of arrays, a shape or a dtype is wrong.
    """
    if len(arrays) != len(specs):
        wanted = ", ".join(f"{spec.name!r} {spec.describe()}" for spec in specs)
        raise InputError(f"the model takes {len(specs)} input(s) ({wanted}), got {len(arrays)}")
    for spec, array in zip(specs, arrays, strict=True):
        spec.check(array)


def closed() -> InputError:
    """Return the error for a run of a model that was closed."""
    return InputError("this model is closed; open it again to run it")
