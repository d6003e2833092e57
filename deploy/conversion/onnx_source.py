"""``whole`` makes an .onnx file that stands alone: fixed sizes, a batch of 1, and its weights inside."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.deploy.conversion.input_shapes import Shapes
from edge.errors import FileError, InputError

LARGEST = 2**31 - 1
"""The most bytes of a file without external data, by the limit of protocol buffers."""

TOLERANCE = 1e-4
"""Largest difference of one sample alone, as a share of the output's largest value. Other kernels may run it."""


def check_weights(path: Path) -> None:
    """Raise FileError when an .onnx file is damaged, or when a file that holds its weights is missing."""
    onnx = need("onnx")
    try:
        names = _locations(onnx, path)
    except Exception as error:  # its errors are of many classes
        raise FileError(f"model {path} is not a readable ONNX file: {_first_line(error)}") from error
    if missing := [name for name in names if not (path.parent / name).is_file()]:
        raise FileError(
            f"model {path} keeps weights in {', '.join(missing)}, which is not beside it; get that file too"
        )


def whole(path: Path, shapes: Shapes) -> bytes | None:
    """Return an .onnx file with fixed sizes and its weights inside, or None where the file itself is that.

    Args:
        path: the file.
        shapes: the shapes of inputs whose sizes the file leaves open, by name, as in ``input_shapes``.

    Raises:
        FileError: a file with external data lacks it.
        InputError: a size is open and not stated, a stated shape does not fit, or the file computes something else
            for a single sample.
    """
    onnx = need("onnx")
    model = _with_weights(onnx, path)
    inputs = _inputs(model.graph)
    stated = {**_sizes_of_pictures(model, inputs), **_stated(inputs, shapes, path)}
    batch = _batch(inputs)
    sizes = {name: _sizes(name, inputs, stated.get(name), batch, path) for name in inputs}
    fixed = all(tuple(_known(one)) == sizes[name] for name, one in inputs.items())
    if fixed and not _locations(onnx, path):
        return None
    for name, one in inputs.items():
        _set(one, sizes[name])
    _forget_shapes(model.graph)
    content = _serialized(model, path)
    if batch > 1:
        _check_batch(path, content, batch, sizes)
    return content


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _with_weights(onnx: Any, path: Path) -> Any:
    check_weights(path)
    try:
        return onnx.load(str(path))
    except Exception as error:  # a file of weights may be too short, or lie outside the folder
        raise FileError(f"model {path} is not a readable ONNX file: {_first_line(error)}") from error


def _locations(onnx: Any, path: Path) -> list[str]:
    """Return the names of the files that hold the model's weights."""
    graph = onnx.load(str(path), load_external_data=False).graph
    entries = [entry for tensor in graph.initializer for entry in tensor.external_data if entry.key == "location"]
    return sorted({entry.value for entry in entries})


def _inputs(graph: Any) -> dict[str, Any]:
    constants = {tensor.name for tensor in graph.initializer}
    return {one.name: one for one in graph.input if one.name not in constants}


def _dims(one: Any) -> Any:
    return one.type.tensor_type.shape.dim


def _dimension(one: Any, axis: int) -> int | None:
    """Return a size, or None where it is open."""
    dim = _dims(one)[axis]
    return int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else None


def _known(one: Any) -> list[int | None]:
    return [_dimension(one, axis) for axis in range(len(_dims(one)))]


def _stated(inputs: Mapping[str, Any], shapes: Shapes, path: Path) -> dict[str, tuple[int, ...]]:
    found = {}
    for name, shape in shapes.items():
        key = name or (next(iter(inputs)) if len(inputs) == 1 else "")
        if key not in inputs:
            have = ", ".join(f"{one} {_shown(_known(inputs[one]))}" for one in inputs)
            raise InputError(f"--input-shape must name an input of {path.name}: {have}; got {name!r}")
        found[key] = shape
    return found


def _sizes_of_pictures(model: Any, inputs: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of the only input where it leaves a picture's sides open and Ultralytics' metadata has them."""
    known = [_known(one) for one in inputs.values()]
    sides = next((entry.value for entry in model.metadata_props if entry.key == "imgsz"), "")
    if len(known) != 1 or len(known[0]) != 4 or known[0][1:] != [3, None, None]:
        return {}
    found = re.fullmatch(r"\[(\d+), *(\d+)\]", sides.strip())
    return {next(iter(inputs)): (1, 3, int(found[1]), int(found[2]))} if found else {}


def _batch(inputs: Mapping[str, Any]) -> int:
    """Return the number of samples that a file was built for.

    The first axis is a batch only where all inputs agree: the 2 of a state (2, 1, 128) beside sound (1, 576) is none.
    """
    firsts = {_dimension(one, 0) for one in inputs.values() if len(_dims(one)) > 1}
    return firsts.pop() or 1 if len(firsts) == 1 else 1


def _sizes(
    name: str, inputs: Mapping[str, Any], stated: tuple[int, ...] | None, batch: int, path: Path
) -> tuple[int, ...]:
    """Return the sizes of an input, with a batch of 1 where its first axis is a batch."""
    known = _known(inputs[name])
    if len(known) > 1:
        known = [1 if known[0] in (None, batch) else known[0], *known[1:]]
    if stated is not None:
        whole_shape = stated if len(stated) == len(known) else (1, *stated)
        fits = len(whole_shape) == len(known) and min(whole_shape, default=1) > 0
        if not fits or any(a not in (None, b) for a, b in zip(known, whole_shape, strict=True)):
            raise InputError(
                f"--input-shape of {name!r} must fit {_shown(_known(inputs[name]))}, where ? is open and the batch is "
                f"1, got {','.join(map(str, stated))}"
            )
        return tuple(whole_shape)
    if None in known:
        example = ",".join(str(size or 224) for size in (known[1:] if known[0] == 1 else known))
        raise InputError(
            f"the model's input must have a fixed size to be converted, got {_shown(_known(inputs[name]))} for "
            f"{name!r} of {path.name}; state it, for example with --input-shape "
            f"{'' if len(inputs) == 1 else f'{name}='}{example}"
        )
    return tuple(size or 1 for size in known)


def _shown(sizes: list[int | None]) -> str:
    return ",".join("?" if size is None else str(size) for size in sizes)


def _set(one: Any, sizes: tuple[int, ...]) -> None:
    for dim, size in zip(_dims(one), sizes, strict=True):
        dim.Clear()
        dim.dim_value = size


def _forget_shapes(graph: Any) -> None:
    """Remove the shapes that followed from the old sizes; ONNX Runtime infers them again."""
    del graph.value_info[:]
    for one in graph.output:
        for dim in _dims(one):
            dim.Clear()
            dim.dim_param = "inferred"


def _serialized(model: Any, path: Path) -> bytes:
    onnx = need("onnx")
    onnx.external_data_helper.convert_model_from_external_data(model)
    if model.ByteSize() > LARGEST:
        raise InputError(f"{path.name} with its weights is larger than 2 GiB, which one ONNX file cannot hold")
    try:
        inferred = onnx.shape_inference.infer_shapes(model)
        if all(None not in _known(one) for one in inferred.graph.output):
            model = inferred
    except Exception:  # the runtime infers the shapes; these are only written down
        pass
    return bytes(model.SerializeToString())


def _check_batch(path: Path, content: bytes, batch: int, sizes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise InputError unless a file for ``batch`` samples gives the same for one sample alone."""
    try:
        runtime = need("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        many, one = (
            runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            for model in (_with_weights(need("onnx"), path).SerializeToString(), content)
        )
        rng = np.random.default_rng(0)
        given = {entry.name: _drawn(rng, (batch, *sizes[entry.name][1:]), entry.type) for entry in one.get_inputs()}
        expected = many.run(None, given)
        found = one.run(None, {name: array[-1:] for name, array in given.items()})
    except Exception as error:  # its exceptions have no base class of their own
        raise _cannot(path, batch, " ".join(str(error).split())[:150]) from error
    for whole_output, single in zip(expected, found, strict=True):
        wanted = whole_output[-1:] if len(whole_output) == batch else whole_output
        if not _is_near(wanted, single):
            raise _cannot(path, batch, "it computes something else")


def _is_near(wanted: NDArray[Any], found: NDArray[Any]) -> bool:
    """Return whether two outputs are equal but for rounding. Values that are not finite are near nothing."""
    if wanted.shape != found.shape:
        return False
    one, other = wanted.astype(np.float64), found.astype(np.float64)
    scale = max(float(np.abs(one).max(initial=0)), 1e-6)
    return bool(np.abs(one - other).max(initial=0) <= TOLERANCE * scale)


def _cannot(path: Path, batch: int, why: str) -> InputError:
    return InputError(
        f"{path.name} was built for a batch of {batch} and cannot be made one for a single sample: {why}; export it "
        "with a batch of 1"
    )


def _drawn(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> NDArray[Any]:
    if "float" in kind or "double" in kind:
        return rng.normal(size=shape).astype({"tensor(float16)": "f2", "tensor(double)": "f8"}.get(kind, "f4"))
    return rng.integers(0, 2, shape).astype(kind.removeprefix("tensor(").removesuffix(")"))
