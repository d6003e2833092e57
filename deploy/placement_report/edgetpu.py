"""``report`` says, without the Edge TPU compiler, which operations of a ``.tflite`` file it maps to the Edge TPU.

The compiler maps one part of the graph (without its experimental flag ``-a``): the first that runs without
interruption, see ``first_part``. What needs the result of an operation that is not mapped stays on the CPU.
"""

from pathlib import Path
from typing import Any

from edge.deploy.placement_report import edgetpu_limits, edgetpu_missing
from edge.deploy.placement_report.edgetpu_memory import ON_CHIP, parameter_bytes
from edge.deploy.placement_report.graph import Graph, Operation, read
from edge.deploy.placement_report.partition import border, first_part, interruptions
from edge.deploy.placement_report.placements import Limit, Placement, PlacementReport
from edge.errors import InputError

TPU, CPU = "tpu", "cpu"
COMPILED = "edgetpu-custom-op"

_SIZES = {
    "BROADCAST_TO": (1,),
    "FILL": (0,),
    "PAD": (1,),
    "RESHAPE": (1,),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "SLICE": (1, 2),
    "STRIDED_SLICE": (1, 2, 3),
    "TILE": (1,),
    "TRANSPOSE_CONV": (0,),
}
"""The inputs that decide the size of an operation's output. When one is computed, the output's size is dynamic."""

NOTE = (
    "these are the documented rules of compiler version 16; it may leave large tensors on the CPU by limits that "
    "Google does not publish (its log says so: --log FILE)"
)


def report(path: Path) -> PlacementReport:
    """Return where each operation of a ``.tflite`` file runs.

    Raises:
        InputError: the compiler refuses the file: it is float, it has sizes that are not fixed, or it is compiled
            already; or the file is damaged.
    """
    graph = checked(path)
    placements = place(graph)
    facts, lines = summary(graph, mapped(placements))
    notes = (NOTE, "the batch is open in this file, and the compiler takes it as 1")
    is_open = any(-1 in tensor.signature for tensor in graph.inputs)
    return PlacementReport(
        "edgetpu", str(path), "rules", placements, headline(placements), facts, tuple(lines), notes[: 1 + is_open]
    )


def mapped(placements: tuple[Placement, ...]) -> set[int]:
    """Return the indices of the operations on the Edge TPU."""
    return {placement.index for placement in placements if placement.placement == TPU}


def checked(path: Path) -> Graph:
    """Read a file that the compiler takes. Raises InputError for one that it refuses as a whole."""
    graph = read(path)
    if any(operation.custom == COMPILED for operation in graph.operations):
        raise InputError(f"{path} is compiled for the Edge TPU already; give the file that it was compiled from")
    _check_quantized(path, graph)
    for operation in graph.operations:
        _check_sizes(path, operation)
    for tensor in graph.inputs:
        if any(size < 0 for size in tensor.signature[1:]):
            raise _dynamic(path, f"input {tensor.name!r} has the open shape {_shape(tensor.signature)}")
    return graph


def _check_quantized(path: Path, graph: Graph) -> None:
    types = {tensor.dtype for operation in graph.operations for tensor in operation.activations}
    if graph.operations and not types & {"int8", "uint8", "int16"}:
        raise InputError(
            f"{path} is not quantized: its activations are {', '.join(sorted(types)) or 'absent'}, and the Edge TPU "
            f"takes int8; quantize it first: edge-convert {path} --out NAME --tflite int8 --calibrate DATA"
        )


def _check_sizes(path: Path, operation: Operation) -> None:
    where = f"operation {operation.index} ({operation.name})"
    for tensor in operation.activations:
        if any(size < 0 for size in tensor.shape):
            raise _dynamic(path, f"{where} has the open shape {_shape(tensor.shape)}")
    for index in _SIZES.get(operation.name, ()):
        size = operation.input(index)
        if size is not None and not size.constant:
            raise _dynamic(path, f"{where} computes the size of its output while it runs")


def _dynamic(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} has dynamic sizes, which the Edge TPU compiler refuses: {what}; "
        f"freeze the batch and the input's size: edge-convert MODEL --out NAME --tflite int8 --calibrate DATA"
    )


def _shape(sizes: tuple[int, ...]) -> str:
    return f"({', '.join('?' if size < 0 else str(size) for size in sizes)})"


def place(graph: Graph) -> tuple[Placement, ...]:
    """Return where each operation of a graph runs, by the compiler's documented rules."""
    limits = {operation.index: limit for operation in graph.operations if (limit := operation_limit(operation))}
    supported = {operation.index for operation in graph.operations}.difference(limits)
    part = first_part(graph, supported)
    causes = interruptions(graph, limits)
    return tuple(_placement(graph, operation, limits, part, causes) for operation in graph.operations)


def operation_limit(operation: Operation) -> Limit | None:
    """Return why the Edge TPU cannot run an operation, or None when it can."""
    if operation.name not in edgetpu_limits.SUPPORTED:
        return edgetpu_missing.missing(operation)
    if operation.name == "QUANTIZE" and any(tensor.dtype == "float32" for tensor in operation.inputs if tensor):
        return Limit(
            "it takes floating-point numbers, which the Edge TPU does not have",
            "convert with int8 or uint8 inputs; at the network's beginning it costs little",
        )
    return edgetpu_limits.limit(operation)


def _placement(
    graph: Graph, operation: Operation, limits: dict[int, Limit], part: set[int], causes: dict[int, int]
) -> Placement:
    if operation.index in part:
        return Placement(operation.index, operation.name, TPU, "the Edge TPU has it, within its limits")
    limit = limits.get(operation.index)
    if limit is None:
        limit = Limit("the compiler maps one part of the graph alone, and this is not in it")
        if operation.index in causes:
            cause = graph.operations[causes[operation.index]]
            limit = Limit(
                f"it comes after operation {cause.index} ({cause.name}), which is on the CPU, and the compiler maps "
                "the first part alone",
                f"mend operation {cause.index}, or try edgetpu_compiler -a, which maps several parts (experimental)",
            )
    return Placement(operation.index, operation.name, CPU, limit.reason, limit.fix)


def headline(placements: tuple[Placement, ...]) -> str:
    """Return the result in one line."""
    count = len(mapped(placements))
    rest = len(placements) - count
    return f"{count} of {len(placements)} operations on the Edge TPU" + (f", {rest} on the CPU" if rest else "")


def summary(graph: Graph, part: set[int]) -> tuple[dict[str, Any], list[str]]:
    """Return the cut and the memory of the mapped part, as JSON values and as lines."""
    cut, lines = _cut(graph, part)
    parameters = sum(parameter_bytes(operation) for operation in graph.operations if operation.index in part)
    memory = {
        "parameters_bytes": parameters,
        "on_chip_bytes": ON_CHIP,
        "fits": parameters <= ON_CHIP,
        "estimate": True,
    }
    fits = "all of them stay there" if parameters <= ON_CHIP else "the rest is sent with every run, which is slow"
    size = f"about {parameters / 1024:,.0f} KiB (an estimate)"
    lines.append(f"parameters: {size} of the {ON_CHIP >> 20} MiB on the chip; {fits}")
    return {"cut": cut, "memory": memory}, lines


def _cut(graph: Graph, part: set[int]) -> tuple[dict[str, Any], list[str]]:
    """Return where the mapped part ends and what is left for the CPU."""
    outside = [operation for operation in graph.operations if operation.index not in part]
    tensors = border(graph, part) if outside else []
    last = max(part, default=-1)
    macs = sum(operation.macs for operation in graph.operations)
    outside_macs = sum(operation.macs for operation in outside)
    facts = {
        "tensors": [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in tensors],
        "operations_before": sum(operation.index < last for operation in outside),
        "operations_after": sum(operation.index > last for operation in outside),
        "macs_on_cpu": outside_macs,
        "macs": macs,
    }
    lines = [f"the Edge TPU's part ends at {tensor.name!r} {_shape(tensor.shape)}" for tensor in tensors]
    if outside:
        share = 100 * outside_macs / max(1, macs)
        left = f"{len(outside)} operation(s) with {outside_macs:,} multiply-accumulates ({share:.1f} %)"
        lines.append(f"the CPU has {left}")
    return facts, lines
