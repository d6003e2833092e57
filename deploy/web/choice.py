"""``choose`` picks the file of a bundle that a phone's browser runs, and refuses what LiteRT.js cannot compute.

LiteRT.js does not refuse everything that it cannot compute: for an unknown custom operation, for example, it gives
numbers without meaning. Therefore the file is looked at here.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path

from edge import flatbuffer
from edge.binding import long_axes
from edge.bundle import Bundle
from edge.custom_operations import custom_operations
from edge.errors import InputError
from edge.flatbuffer import Damaged, Table
from edge.manifest import Artifact, Manifest
from edge.tensors import TensorSpec

PREFERRED = ("int8", "float16", "float32", "dynamic", "int16x8")
"""Precisions, the best for a phone first: XNNPACK computes int8 fastest, and float16 is half as large as float32."""

TASKS = ("classify", "detect", "segment")
CONVERT = "convert the model with edge-convert --target phone"

SUBGRAPHS = 2
TENSORS, INPUTS, OUTPUTS = 0, 1, 2
SHAPE, IS_VARIABLE = 0, 5
"""Numbers of fields in TFLite's schema."""


def choose(bundle: Bundle, precision: str | None = None) -> Artifact:
    """Return the artifact for a browser: one with the target ``web``, else one for the CPU, the best precision first.

    Args:
        bundle: the opened bundle.
        precision: the only precision to take. None takes the preferred one.

    Raises:
        InputError: the task is not supported, there is no such file, or LiteRT.js cannot compute it.
    """
    check_task(bundle.manifest)
    for target in ("web", "cpu"):
        fitting = bundle.fitting((".tflite",), (target,), precision)
        if fitting:
            found = min(fitting, key=lambda artifact: _rank(artifact.precision))
            check_file(bundle.path(found))
            return found
    wanted = f"a TFLite file of precision {precision}" if precision else "a TFLite file"
    have = ", ".join(f"{a.format} {a.precision} for {a.target}" for a in bundle.manifest.artifacts)
    raise InputError(f"bundle {bundle.manifest.name!r} must have {wanted} for the CPU, it has {have}; {CONVERT}")


def _rank(precision: str) -> int:
    return PREFERRED.index(precision) if precision in PREFERRED else len(PREFERRED)


def check_task(manifest: Manifest) -> None:
    """Raise InputError unless the network's only input is one picture and its task is one of ``TASKS``."""
    signature, name = manifest.signature, manifest.name
    if signature.task.name not in TASKS:
        raise InputError(f"the phone app takes the tasks {', '.join(TASKS)}, {name!r} has {signature.task.name}")
    image = signature.image
    if len(signature.inputs) != 1 or image is None or len(image.shape) not in (3, 4) or image.shape[0] != 1:
        shapes = ", ".join(f"{one.name} {one.shape}" for one in signature.inputs)
        raise InputError(f"the phone app takes networks whose only input is one picture, {name!r} has {shapes}")
    if signature.task.parameters.get("resize") == "bilinear":
        raise InputError(
            "the phone app draws masks with resize nearest, the bundle states bilinear; "
            "convert the model with --parameter resize=nearest"
        )


def check_file(path: Path) -> None:
    """Raise InputError for a file that LiteRT.js opens and computes wrongly, or refuses only in the browser."""
    custom = custom_operations(path)
    if custom:
        raise InputError(f"LiteRT.js does not compute the custom operations of {path.name}: {', '.join(custom)}; "
                         f"{CONVERT}, from a model without them")  # fmt: skip
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            _check_graph(path, flatbuffer.root(data))
        except Damaged as error:
            raise InputError(f"{path.name} is no TFLite file: {error}; {CONVERT}") from error


def _check_graph(path: Path, model: Table) -> None:
    graph = next(model.tables(SUBGRAPHS), None)
    if graph is None:
        raise Damaged("it has no graph")
    tensors = list(graph.tables(TENSORS))
    if any(tensor.number(IS_VARIABLE, "<b") for tensor in tensors):
        raise InputError(f"{path.name} keeps a state in variable tensors, which a browser would lose; {CONVERT}")
    for index in graph.numbers(OUTPUTS):
        if not tensors[index].numbers(SHAPE):
            raise InputError(f"every output of {path.name} must have a shape, one has none; {CONVERT}")


def check_sizes(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
    """Raise InputError for a file that leaves sizes open: the device sets them when it opens the file, a browser not.

    Args:
        path: the file.
        inputs: the inputs as the device has opened them, in the file's order.
        outputs: the outputs likewise.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        (graph, *_) = flatbuffer.root(data).tables(SUBGRAPHS)
        tensors = list(graph.tables(TENSORS))
        stated = [tensors[i].numbers(SHAPE) for field in (INPUTS, OUTPUTS) for i in graph.numbers(field)]
    for spec, shape in zip((*inputs, *outputs), stated, strict=True):
        if long_axes(spec.shape) != long_axes(shape):
            raise InputError(f"{path.name} must state the size of {spec.name!r}, {spec.shape}, it states {shape}; "
                             f"{CONVERT}, and --input-shape where the model leaves it open")  # fmt: skip
