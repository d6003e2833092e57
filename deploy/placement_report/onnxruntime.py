"""``report`` says what ONNX Runtime makes of an ``.onnx`` file: what it fused, and what it runs as it is.

ONNX Runtime saves the network as it runs it. Each node that it saved stands for the nodes of the file between its
inputs and its outputs.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge import device, registry
from edge.backends import BACKENDS
from edge.deploy.placement_report import onnx_graph
from edge.deploy.placement_report.onnx_graph import Node
from edge.deploy.placement_report.placements import Limit, Placement, PlacementReport
from edge.errors import InputError

FUSED, KEPT, REMOVED = "fused", "kept", "removed"
_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_CLAMPS = ("Clip", "Relu")
_NOTHING = ("Identity", "Dropout")

_UINT8 = "use uint8 activations with int8 weights, for which ONNX Runtime has most kernels"
_QUANTIZE = "quantize what it takes and what it returns"


def report(path: Path) -> PlacementReport:
    """Return what ONNX Runtime fused of a file on this machine, on the CPU.

    Raises:
        InputError: the file is damaged, or ONNX Runtime does not load it.
        MissingExtra: ONNX Runtime is not installed.
    """
    if path.suffix.lower() != ".onnx":
        raise InputError(
            f"--check onnxruntime takes an .onnx file, got {path.name}; --check xnnpack or edgetpu is for .tflite files"
        )
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
    notes = [f"on {' and '.join(providers)}; other processors and versions of ONNX Runtime may fuse differently"]
    if any(node.op in _QUANTIZERS for node in nodes) and device.saturates_int8():
        notes.append(
            "int8 kernels saturate on this processor unless session.x64quantprecision is set, as EdgeKit sets it; then "
            "they are exact and take up to 1.5 times as long"
        )
    return PlacementReport(
        "onnxruntime", str(path), "optimized model", placements, headline, facts, lines, tuple(notes)
    )


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
        kernel = kernels.get(node.index)
        if kernel is None or node.op in _NOTHING:
            rows.append(Placement(node.index, node.op, REMOVED, "its value is constant, or nothing changes by it"))
        elif kernel == node.op or (node.op in _QUANTIZERS and not kernel.startswith("QLinear")):
            limit = _kept(node, makers, readers) if quantized else Limit("ONNX Runtime has a kernel for it as it is")
            rows.append(Placement(node.index, node.op, KEPT, limit.reason, limit.fix))
        elif quantized and not any(op in kernel for op in ("QLinear", "Quantize", "Integer")):
            fix = _kept(node, makers, readers).fix
            rows.append(Placement(node.index, node.op, FUSED, f"it is part of {kernel}, in floating point", fix))
        else:
            rows.append(Placement(node.index, node.op, FUSED, f"it is part of {kernel}"))
    return tuple(rows)


def _kernels(nodes: Sequence[Node], optimized: Sequence[Node]) -> dict[int, str]:
    """Return the kernel that computes each node: the node's own operation when nothing was fused."""
    makers = {output: node for node in nodes for output in node.outputs if output}
    groups: dict[str, tuple[set[str], set[int]]] = {}
    found: dict[int, str] = {}
    for kernel in optimized:
        sources: set[str] = set()
        members = {kernel.index}
        for name in kernel.inputs:
            before, inner = groups.get(name, ({name}, set()))
            sources |= before
            members |= inner
        # A tensor that the file does not have lies inside of a group: what reads it continues from the group's inputs.
        groups.update((name, (sources, members)) for name in kernel.outputs if name not in makers)
        replaced = [nodes[index] for index in _between(kernel.outputs, sources, makers)]
        kernels = [optimized[index].op for index in sorted(members)]
        same = Counter(_computing(node.op for node in replaced)) == Counter(_computing(kernels))
        label = " and ".join(dict.fromkeys(_computing(kernels) or kernels))
        found.update((node.index, node.op if same else label) for node in replaced)
    return found


def _computing(ops: Iterable[str]) -> list[str]:
    """Return the operations that compute, without those that only change the type of numbers or nothing."""
    return [op for op in ops if op not in (*_QUANTIZERS, *_NOTHING)]


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
    following = [reader for name in node.outputs for reader in readers.get(name, ())]
    after = {reader.op for reader in following}
    if node.op in _QUANTIZERS:
        return Limit("it stands before or after an operation that runs in floating point, or at the network's border")
    if "QuantizeLinear" in after and "DequantizeLinear" in before:
        signed = any(reader.zero_point == "int8" for reader in following)
        why = "ONNX Runtime has no such kernel for these integers"
        return Limit(f"it runs in floating point: {why}", _UINT8 if signed else None)
    if clamps := sorted(after & set(_CLAMPS)):
        return Limit(
            f"it runs in floating point, because {clamps[0]} stands between it and QuantizeLinear",
            f"leave {clamps[0]} out where the quantizer's range clips already",
        )
    return Limit("it runs in floating point, because it is not between DequantizeLinear and QuantizeLinear", _QUANTIZE)
