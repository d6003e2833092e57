"""Samples can be read from an .npz file, which holds one array per input with the samples on the first axis.

An .npy file holds the array of a network with one input.

For a network with one image input, the array ``images`` may hold pictures of another size instead: (n, height, width,
1 or 3) uint8, grey or RGB. The truths are optional. A classifier finds them in the array ``labels``, other tasks in
an array that has the name of an output.
"""

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.samples.annotated import bgr
from edge.deploy.samples.base import Choice, NetworkInfo, Sample, Samples, unlabelled
from edge.deploy.samples.pictures import PicturePreprocessor, real
from edge.errors import FileError, InputError
from edge.imaging import Preprocessor
from edge.placement import Placement
from edge.signature import Input, describe
from edge.tensors import Array, TensorSpec

SUFFIXES = (".npz", ".npy")
PICTURES = "images"
LABELS = "labels"
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError)
"""What numpy raises for a file that is damaged or of another kind."""

Placed = tuple[Array, Placement | None]
"""An input tensor, and where the picture lies in it."""


def array_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the samples of an .npz or .npy file.

    Args:
        path: the file.
        network: the network that the samples are for.
        splits: not used, because a file has no parts.
        choice: chooses samples by their classes.

    Raises:
        FileError: the file does not exist.
        InputError: the file does not hold arrays that fit the network.
    """
    arrays = _read(path, network.signature.inputs)
    makers = _makers(path, network, arrays)
    counts = {name: len(array) for name, array in arrays.items() if name in (PICTURES, *makers)}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise InputError(f"{path}: its arrays must have as many samples each, at least one, got {counts}")
    count = next(iter(counts.values()))
    truth = _truth(path, network, arrays, count)
    numbers = truth if truth is not None and truth.ndim == 1 and truth.dtype.kind in "iu" else unlabelled(count)
    rows = choice(numbers.astype(np.int64))
    ids = tuple(f"{path.name}[{row}]" for row in rows)

    def read() -> Iterator[Sample]:
        for name, row in zip(ids, rows, strict=True):
            placed = {entry: make(row) for entry, make in makers.items()}
            place = next((placement for _, placement in placed.values() if placement is not None), None)
            inputs = {entry: tensor for entry, (tensor, _) in placed.items()}
            yield Sample(name, inputs, place if len(placed) == 1 else None, None if truth is None else _one(truth[row]))

    return Samples(ids, read, "sample")


def _one(truth: Any) -> Any:
    return int(truth) if np.ndim(truth) == 0 and np.asarray(truth).dtype.kind in "iu" else truth


def check_names(paths: Sequence[Path], inputs: Sequence[Input | TensorSpec]) -> None:
    """Check, without reading an array, that each .npz file has an array for each input of a network.

    Args:
        paths: data sets of any kind.
        inputs: the inputs of the network.

    Raises:
        InputError: an array is missing, or the file is damaged.
    """
    for path in paths:
        if path.suffix == ".npz" and path.is_file():
            with _content(path) as content:
                _check(path, inputs, content.files)
        elif path.suffix == ".npy":
            _check_single(path, inputs)


@contextmanager
def _content(path: Path) -> Iterator[Any]:
    """Open the arrays of a file."""
    try:
        with np.load(path, allow_pickle=False) as content:
            yield content
    except InputError:
        raise
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist") from error
    except DAMAGE as error:
        raise InputError(f"{path} must be an .npz file of arrays, without pickles; it is damaged or none") from error


def _read(path: Path, inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    if path.suffix != ".npy":
        with _content(path) as content:
            return {name: content[name] for name in content.files}
    _check_single(path, inputs)
    try:
        return {inputs[0].name: np.lib.format.open_memmap(path, mode="r")}
    except DAMAGE as error:
        raise InputError(f"{path} must be an .npy file of an array, without pickles; it is damaged or none") from error


def _check_single(path: Path, inputs: Sequence[Input | TensorSpec]) -> None:
    if len(inputs) > 1:
        raise InputError(
            f"{path} holds one array, and the network takes {describe(inputs)}: give an .npz file with an array for "
            "each input, as numpy.savez writes it"
        )


def _check(path: Path, inputs: Sequence[Input | TensorSpec], has: Sequence[str]) -> None:
    """Raise InputError when a file has no array for an input, and no pictures for the only one."""
    lacking = [entry.name for entry in inputs if entry.name not in has]
    pictures = len(inputs) == 1 and len(inputs[0].shape) in (3, 4)
    if lacking and not (pictures and PICTURES in has):
        raise InputError(
            f"{path} must have an array for each input: {', '.join(entry.name for entry in inputs)}"
            f"{f' (or {PICTURES})' if pictures else ''}; {', '.join(lacking)} is missing, it has {', '.join(has)}"
        )


def _makers(path: Path, network: NetworkInfo, arrays: Mapping[str, Any]) -> dict[str, Callable[[int], Placed]]:
    """Return by input name a function that makes the input from the array's row of a given index."""
    entries = network.signature.inputs
    _check(path, entries, tuple(arrays))
    if len(entries) == 1 and entries[0].name not in arrays and PICTURES in arrays:
        return {entries[0].name: _pictures(path, PICTURES, arrays[PICTURES], PicturePreprocessor(network))}
    return {entry.name: _maker(path, network, entry, arrays[entry.name]) for entry in entries}


def _maker(path: Path, network: NetworkInfo, entry: Input, array: NDArray[Any]) -> Callable[[int], Placed]:
    shape, spec = entry.shape[1:], network.specs[entry.name]
    if entry.format is not None and array.dtype == np.uint8 and len(entry.shape) != 5:
        if len(network.signature.inputs) == 1:
            return _pictures(path, entry.name, array, PicturePreprocessor(network))
        prepare = Preprocessor(spec, entry.format)
        return _pictures(path, entry.name, array, lambda image: ({entry.name: real(prepare(image).tensor, spec)}, None))
    if entry.format is not None and array.dtype == np.uint8 and array.ndim == 5:
        frame = Preprocessor(_frame_spec(spec), entry.format)
        return lambda row: (np.stack([real(frame(bgr(f)).tensor, spec)[0] for f in array[row]])[None], None)
    if array.shape[1:] != shape or array.dtype.kind not in "fiub":
        raise InputError(
            f"{path}: {entry.name} must be (n, {', '.join(map(str, shape))}) real values"
            f"{' or (n, height, width, 1 or 3) uint8 pictures' if entry.format else ''}, "
            f"got {array.shape} {array.dtype}"
        )
    whole = np.dtype(entry.dtype).kind in "iu"
    if whole and array.dtype.kind not in "iub":
        raise InputError(f"{path}: {entry.name} must be whole numbers, got {array.dtype}")
    return lambda row: (np.ascontiguousarray(array[row : row + 1], entry.dtype if whole else np.float32), None)


def _frame_spec(spec: Any) -> Any:
    from dataclasses import replace

    return replace(spec, shape=(1, *spec.shape[2:]))


def _pictures(path: Path, name: str, array: NDArray[Any], prepare: Any) -> Callable[[int], Placed]:
    if array.ndim != 4 or array.shape[-1] not in (1, 3) or array.dtype != np.uint8:
        raise InputError(f"{path}: {name} must be (n, height, width, 1 or 3) uint8, got {array.shape} {array.dtype}")

    def make(row: int) -> Placed:
        inputs, placement = prepare(bgr(array[row]))
        return next(iter(inputs.values())), placement

    return make


def _truth(path: Path, network: NetworkInfo, arrays: Mapping[str, NDArray[Any]], count: int) -> NDArray[Any] | None:
    """Return the truths (n, …) in the task's form, or None when the file has none."""
    task = network.signature.task.name
    names = [LABELS] if task == "classify" else [output.name for output in network.signature.outputs]
    found = next((arrays[name] for name in names if name in arrays), None)
    if found is None or (task != "classify" and len(names) > 1):
        return None
    numbers = found.dtype.kind in "fiub" and bool(np.isfinite(found).all())
    if not numbers or found.shape[:1] != (count,):
        wrong = f"{found.shape} {found.dtype}" if numbers or found.dtype.kind != "f" else "NaN or infinity"
        raise InputError(f"{path}: its truths must be finite numbers, a row for each of {count} samples, got {wrong}")
    if task == "classify":
        return _classes(path, network, found)
    return found[..., ::-1] if task == "image" and found.ndim == 4 else found


def _classes(path: Path, network: NetworkInfo, found: NDArray[Any]) -> NDArray[np.int64]:
    """Return (n,) class numbers, or (n, classes) of 1 for each class that is present."""
    output = network.signature.one("scores")
    numbers = max(output.shape)
    if (found != np.rint(found)).any():
        raise InputError(f"{path}: {LABELS} must be whole numbers, got {found[found != np.rint(found)][0]:g}")
    if found.ndim == 2 and found.shape[1] == numbers:
        return found.astype(np.int64)
    classes = max(2, numbers)
    if found.ndim != 1 or found.dtype.kind not in "iuf" or found.min() < 0 or found.max() >= classes:
        raise InputError(
            f"{path}: {LABELS} must be ({len(found)},) numbers from 0 to {classes - 1}, "
            f"got {found.shape} {found.dtype}, {found.min()} to {found.max()}"
        )
    return found.astype(np.int64)
