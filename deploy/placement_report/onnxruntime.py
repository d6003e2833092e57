"""``report`` says what ONNX Runtime makes of an ``.onnx`` file: what it fused, and what it runs as it is.

ONNX Runtime saves the network as it runs it. Each node that it saved stands for the nodes of the file between its
inputs and its outputs.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge import registry
from edge.backends import BACKENDS
from edge.deploy.placement_report import onnx_graph
from edge.deploy.placement_report.onnx_graph import Node
from edge.deploy.placement_report.placements import Limit, Placement, PlacementReport
from edge.errors import InputError

FUSED, KEPT, REMOVED = "fused", "kept", "removed"
_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_CLAMPS = ("Clip", "Relu")


def report(path: Path) -> PlacementReport:
    """Return what ONNX Runtime fused of a file on this machine, on the CPU.

    Raises:
        InputError: the file is damaged, or ONNX Runtime does not load it.
        MissingExtra: ONNX Runtime is not installed.
    """
    if path.suffix.lower() != ".onnx":
        raise InputError(f"--check onnxruntime takes an .onnx file, got {path.name}")
    registry.load("backend", BACKENDS, "onnxruntime")
    from edge.backends.onnxruntime import save_optimized

    nodes = onnx_graph.read(path)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "optimized.onnx")
        providers = save_optimized(path, saved)
        optimized = onnx_graph.read(saved)
    placements = place(nodes, optimized)
    counts = Counter(placement.placement for placement in placements)
    headline = (
        f"{len(nodes)} operations run as {len(optimized)}: {counts[FUSED]} fused, {counts[KEPT]} as they are, "
        f"{counts[REMOVED]} removed"
    )
    kernels = dict(Counter(node.op for node in optimized).most_common())
    facts = {"providers": providers, "optimized_operations": len(optimized), "kernels": kernels}
    lines = ("kernels: " + ", ".join(f"{count} {op}" for op, count in kernels.items()),)
    notes = (f"on {' and '.join(providers)}; other processors and versions of ONNX Runtime may fuse differently",)
    return PlacementReport("onnxruntime", str(path), "optimized model", placements, headline, facts, lines, notes)


def place(nodes: Sequence[Node], optimized: Sequence[Node]) -> tuple[Placement, ...]:
    """Return what became of each node of a file.

    Args:
        nodes: the nodes of the file.
        optimized: the nodes that ONNX Runtime saved.
    """
    kernels = _kernels(nodes, optimized)
    readers = _readers(nodes)
    makers = {output: node for node in nodes for output in node.outputs}
    quantized = any(node.op in _QUANTIZERS for node in nodes)
    rows = []
    for node in nodes:
        if node.index not in kernels:
            rows.append(Placement(node.index, node.op, REMOVED, "its value is constant, or nothing changes by it"))
            continue
        kernel, alone = kernels[node.index]
        if alone and kernel == node.op:
            limit = _kept(node, makers, readers) if quantized else Limit("ONNX Runtime has a kernel for it as it is")
            rows.append(Placement(node.index, node.op, KEPT, limit.reason, limit.fix))
        else:
            rows.append(Placement(node.index, node.op, FUSED, f"it is part of {kernel}"))
    return tuple(rows)


def _kernels(nodes: Sequence[Node], optimized: Sequence[Node]) -> dict[int, tuple[str, bool]]:
    """Return for each node the kernel that computes it, and whether the kernel computes this node alone."""
    makers = {output: node for node in nodes for output in node.outputs if output}
    groups: dict[str, tuple[set[str], tuple[str, ...]]] = {}
    found: dict[int, tuple[str, bool]] = {}
    for kernel in optimized:
        sources: set[str] = set()
        ops = [kernel.op]
        for name in kernel.inputs:
            before, inner = groups.get(name, ({name}, ()))
            sources |= before
            ops += (op for op in inner if op not in ops)
        # A tensor that the file does not have lies inside of a group: what reads it continues from the group's inputs.
        groups.update((name, (sources, tuple(ops))) for name in kernel.outputs if name not in makers)
        replaced = _between(kernel.outputs, sources, makers)
        found.update((index, (" and ".join(reversed(ops)), len(replaced) == 1)) for index in replaced)
    return found


def _between(outputs: Sequence[str], sources: set[str], makers: Mapping[str, Node]) -> set[int]:
    found: set[int] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if node is None or name in sources or node.index in found:
            continue
        found.add(node.index)
        waiting.extend(node.inputs)
    return found


def _readers(nodes: Sequence[Node]) -> dict[str, list[Node]]:
    readers: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return readers


def _kept(node: Node, makers: Mapping[str, Node], readers: Mapping[str, Sequence[Node]]) -> Limit:
    """Return why a node of a quantized network was not fused."""
    before = {makers[name].op for name in node.inputs if name in makers}
    after = {reader.op for name in node.outputs for reader in readers.get(name, ())}
    if node.op in _QUANTIZERS:
        return Limit("it stands before or after an operation that runs in floating point, or at the network's border")
    if "DequantizeLinear" not in before:
        return Limit("it works on floating point, as its inputs are not dequantized integers", _quantize(node))
    if "QuantizeLinear" in after:
        return Limit(
            "it runs in floating point between DequantizeLinear and QuantizeLinear: there is no such int8 kernel here",
            "use uint8 activations with int8 weights, for which ONNX Runtime has most kernels",
        )
    if clamps := sorted(after & set(_CLAMPS)):
        return Limit(
            f"it runs in floating point, because {clamps[0]} stands between it and QuantizeLinear",
            f"leave {clamps[0]} out where the quantizer's range clips already",
        )
    return Limit("it runs in floating point, because no QuantizeLinear follows it", _quantize(node))


def _quantize(node: Node) -> str:
    return f"quantize the inputs and outputs of {node.op}: edge-convert MODEL --out NAME --onnx int8 --calibrate DATA"
