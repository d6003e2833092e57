"""``report`` follows the log of the Edge TPU compiler: what it prints with ``-s``, or the file NAME_edgetpu.log.

The log counts the operations of each kind and status, and does not say which is which. Where a kind has several
statuses, the rules choose, and else the order of the file.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.deploy.placement_report import edgetpu
from edge.deploy.placement_report.edgetpu import CPU, TPU
from edge.deploy.placement_report.edgetpu_memory import ON_CHIP
from edge.deploy.placement_report.graph import Graph
from edge.deploy.placement_report.placements import Placement, PlacementReport
from edge.errors import FileError, InputError

MAPPED = "Mapped to Edge TPU"
SECOND_PART = "More than one subgraph is not supported"

STATUSES = {
    MAPPED: "the compiler mapped it",
    SECOND_PART: "it comes after an operation on the CPU, and the compiler maps the first part alone",
    "Operation not supported": "the Edge TPU has no kernel for it",
    "Operation version not supported": "its version is newer than the compiler",
    "Operation is working on an unsupported data type": "its tensors are not all int8 or uint8",
    "Tensor has unsupported rank": "a tensor has sizes above 1 outside of its 3 innermost dimensions",
    "Filter, bias, or other param is not constant at compile-time": "one of its parameters is computed",
    "Image-interpolation layer won't run precisely enough": "resizing would lose precision on the Edge TPU",
    "Operation is otherwise supported, but not mapped": "the compiler left it out by a limit that is not published",
}
"""The beginnings of the compiler's words, in plain words."""

_ROW = re.compile(r"^\s*([A-Z][A-Z0-9_]*)\s+(\d{1,6})\s+(\S.*?)\s*$", re.MULTILINE)
_VERSION = re.compile(r"Edge TPU Compiler version (\S+)")
_MEMORY = re.compile(r"^\s*(O\w+-chip memory (?:used|remaining) for [\w ]+): ([\d.]+)\s*(B|KiB|MiB|GiB)", re.MULTILINE)
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_REST_MAPPED = "All other operators were mapped successfully"


@dataclass(frozen=True)
class CompilerLog:
    """What a log says.

    Attributes:
        version: the compiler's version, empty when the log does not say it.
        rows: the kind, the count and the status of operations, as in the log's table.
        rest_mapped: the kinds that the table leaves out were mapped.
        memory: bytes by the compiler's words.
    """

    version: str
    rows: tuple[tuple[str, int, str], ...]
    rest_mapped: bool
    memory: dict[str, int]


def read_log(path: Path) -> CompilerLog:
    """Read a log. Raises FileError or InputError for one that cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    rows = tuple((kind, int(count), status) for kind, count, status in _ROW.findall(text))
    if not rows:
        raise InputError(
            f"{path} is no log of the Edge TPU compiler: it has no table of operator, count and status; "
            "give what edgetpu_compiler -s prints, or NAME_edgetpu.log"
        )
    memory = {words: int(float(size) * _UNITS[unit]) for words, size, unit in _MEMORY.findall(text) if _number(size)}
    version = _VERSION.search(text)
    return CompilerLog(version.group(1) if version else "", rows, _REST_MAPPED in text, memory)


def _number(text: str) -> bool:
    return text.count(".") <= 1 and text != "."


def report(path: Path, log_path: Path) -> PlacementReport:
    """Return where the compiler placed each operation of a ``.tflite`` file, by its log.

    Args:
        path: the file that was compiled, not its result.
        log_path: the compiler's log.

    Raises:
        InputError: the log is of another file.
    """
    graph = edgetpu.checked(path)
    log = read_log(log_path)
    _check_counts(path, log_path, graph, log)
    expected = edgetpu.place(graph)
    placements = _placements(graph, expected, log)
    facts, lines = edgetpu.summary(graph, edgetpu.mapped(placements))
    facts["compiler_version"] = log.version
    if log.memory:
        facts["memory"], lines[-1] = _memory(log)
    notes = ["the log counts operations by kind: where a kind has several statuses, which is which is derived"]
    if differing := _differing(expected, placements):
        notes.append(f"the rules alone would have placed these differently: {differing}")
    return PlacementReport(
        "edgetpu",
        str(path),
        "compiler log",
        placements,
        edgetpu.headline(placements),
        facts,
        tuple(lines),
        tuple(notes),
    )


def _check_counts(path: Path, log_path: Path, graph: Graph, log: CompilerLog) -> None:
    there = Counter(operation.name for operation in graph.operations)
    logged: Counter[str] = Counter()
    for kind, count, _ in log.rows:
        logged[kind] += count
    for kind in sorted({*there, *logged}):
        if logged[kind] != there[kind] and not (log.rest_mapped and logged[kind] < there[kind]):
            raise InputError(
                f"{log_path} is the log of another file: it counts {logged[kind]} {kind}, and {path} has {there[kind]}"
            )


def _placements(graph: Graph, expected: Sequence[Placement], log: CompilerLog) -> tuple[Placement, ...]:
    found: dict[int, Placement] = {}
    for kind in {operation.name for operation in graph.operations}:
        rows = [placement for placement in expected if placement.op == kind]
        statuses = [status for name, count, status in log.rows if name == kind for _ in range(count)]
        statuses += [MAPPED] * (len(rows) - len(statuses))
        limits = {row.index for row in rows if edgetpu.operation_limit(graph.operations[row.index])}
        # What the rules map comes first, then what they keep for the second part, then what they refuse.
        rows.sort(key=lambda row: (row.placement != TPU, row.index in limits, row.index))
        statuses.sort(key=lambda status: (not status.startswith(MAPPED), not status.startswith(SECOND_PART)))
        found.update((row.index, _placed(row, status)) for row, status in zip(rows, statuses, strict=True))
    return tuple(found[placement.index] for placement in expected)


def _placed(expected: Placement, status: str) -> Placement:
    words = next((plain for start, plain in STATUSES.items() if status.startswith(start)), "the compiler's reason")
    reason = f"{words} ({status})"
    if status.startswith(MAPPED):
        return replace(expected, placement=TPU, reason=reason, fix=None)
    fix = expected.fix or "use a smaller input or fewer channels; split the operation, or move it behind the network"
    return replace(expected, placement=CPU, reason=reason, fix=fix)


def _memory(log: CompilerLog) -> tuple[dict[str, Any], str]:
    """Return the memory as the compiler measured it, as JSON values and as a line."""
    kept, left, streamed = (
        next((size for words, size in log.memory.items() if part in words), 0)
        for part in ("used for caching", "remaining for caching", "used for streaming")
    )
    facts = {
        "parameters_bytes": kept + streamed,
        "on_chip_bytes": kept + left or ON_CHIP,
        "fits": streamed == 0,
        "estimate": False,
        "streamed_bytes": streamed,
    }
    line = f"parameters: {kept / 1024:,.0f} KiB on the chip, {streamed / 1024:,.0f} KiB sent with every run"
    return facts, line


def _differing(expected: Sequence[Placement], placements: Sequence[Placement]) -> str:
    pairs = zip(expected, placements, strict=True)
    return ", ".join(f"{new.index} {new.op}" for old, new in pairs if old.placement != new.placement)
