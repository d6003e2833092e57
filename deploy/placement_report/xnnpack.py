"""``report`` says which operations of a ``.tflite`` file the XNNPACK delegate runs, by asking the interpreter.

Each border between XNNPACK and the interpreter's own kernels costs a copy and a wait, so that one part is best.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.deploy.placement_report import delegated
from edge.deploy.placement_report.graph import Graph, Operation, read
from edge.deploy.placement_report.placements import Limit, Placement, PlacementReport

XNNPACK, INTERPRETER = "xnnpack", "interpreter"
_DELEGATE = "DELEGATE"

_AFTER = "leave it out of the network, and compute it after the network"
FIXES = {
    "ARG_MAX": "return the scores, and take the largest after the network",
    "CAST": "keep one type in the whole network",
    "GATHER": "use a slice or a split where the indices are constant",
    "HARD_SWISH": "use relu6, or a network of edge-train, which has it as operations that XNNPACK runs",
    "PACK": "freeze the batch at 1; a channel shuffle then needs no PACK",
    "SHAPE": "freeze the batch at 1, so that all sizes are constant",
    "SPLIT_V": "split into equal parts",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "unroll a short recurrence; else it runs in the interpreter's kernel",
}
"""The mends for operations that XNNPACK leaves behind."""


def report(path: Path) -> PlacementReport:
    """Return which operations XNNPACK runs, and in how many parts.

    Raises:
        InputError: the file is damaged, or the interpreter does not load it.
        MissingExtra: no TFLite interpreter is installed.
    """
    graph = read(path)
    parts = partitions(delegated.operations(path))
    taken = set().union(*parts)
    placements = tuple(_placement(operation, taken) for operation in graph.operations)
    left = [placement for placement in placements if placement.placement == INTERPRETER]
    headline = f"{len(parts)} part(s) in XNNPACK with {len(placements) - len(left)} of {len(placements)} operations"
    facts = {"partitions": [{"operations": sorted(part)} for part in parts], "macs": _macs(graph, taken)}
    notes = () if parts else ("XNNPACK runs no operation of this network",)
    return PlacementReport("xnnpack", str(path), "interpreter", placements, headline, facts, (), notes)


def partitions(operations: Sequence[dict[str, Any]]) -> list[set[int]]:
    """Return the operations of each part that a delegate replaced.

    The interpreter lists a part beside what it replaced: the operations between the part's inputs and outputs.

    Args:
        operations: what ``TFLiteModel.operations`` returns.
    """
    makers = {
        output: operation
        for operation in operations
        if operation["op_name"] != _DELEGATE
        for output in operation["outputs"]
    }
    return [_between(part, makers) for part in operations if part["op_name"] == _DELEGATE]


def _between(part: dict[str, Any], makers: dict[int, dict[str, Any]]) -> set[int]:
    borders, found = set(part["inputs"]), set()
    waiting = list(part["outputs"])
    while waiting:
        tensor = waiting.pop()
        maker = makers.get(tensor)
        if maker is None or tensor in borders or maker["index"] in found:
            continue
        found.add(int(maker["index"]))
        waiting.extend(maker["inputs"])
    return found


def _placement(operation: Operation, taken: set[int]) -> Placement:
    if operation.index in taken:
        return Placement(operation.index, operation.name, XNNPACK, "XNNPACK runs it")
    limit = _limit(operation)
    return Placement(operation.index, operation.name, INTERPRETER, limit.reason, limit.fix)


def _limit(operation: Operation) -> Limit:
    """Return why XNNPACK leaves an operation behind, as far as the file shows it."""
    if operation.custom:
        return Limit(f"{operation.custom} is a custom operation, which XNNPACK does not have", _AFTER)
    if any(size < 0 for tensor in operation.activations for size in tensor.shape):
        return Limit("the size of a tensor is open until it runs", "freeze the batch and the input's size")
    types = sorted({tensor.dtype for tensor in operation.activations})
    if "uint8" in types and operation.name not in FIXES:
        fix = "convert the network again to int8, for which XNNPACK has more kernels than for uint8"
    else:
        fix = FIXES.get(operation.name, "use other operations or types, or accept a border here")
    reason = f"XNNPACK did not take {operation.name} with these tensors ({', '.join(types) or 'none'})"
    return Limit(reason, fix)


def _macs(graph: Graph, taken: set[int]) -> dict[str, int]:
    macs = {operation.index: operation.macs for operation in graph.operations}
    return {XNNPACK: sum(macs[index] for index in macs if index in taken), "all": sum(macs.values())}
