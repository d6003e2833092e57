"""What a placement report holds: for each operation where it runs, why, and the mend; as JSON and as lines to read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_RANGES = 8
"""The most places of operations that a line names."""


@dataclass(frozen=True)
class Limit:
    """Why an operation does not run where it should, and what to do about it.

    Attributes:
        reason: why, in plain words.
        fix: the mend, or None when there is none.
    """

    reason: str
    fix: str | None = None


@dataclass(frozen=True)
class Placement:
    """Where one operation runs.

    Attributes:
        index: its place in the file, from 0.
        op: its name, as the file's format has it.
        placement: what runs it, such as ``tpu`` or ``cpu``.
        reason: why it runs there.
        fix: what makes it run on the accelerator, None where it does or where nothing helps.
    """

    index: int
    op: str
    placement: str
    reason: str
    fix: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the operation."""
        return {
            "index": self.index,
            "op": self.op,
            "placement": self.placement,
            "reason": self.reason,
            "fix": self.fix,
        }


@dataclass(frozen=True)
class PlacementReport:
    """Where a file's operations run.

    Attributes:
        check: what was asked: ``edgetpu``, ``xnnpack`` or ``onnxruntime``.
        file: the file's path as given.
        source: how the placements were found, such as ``rules`` or ``compiler log``.
        operations: one row for each operation, in the file's order.
        headline: the result in one line.
        facts: what this check says besides, as JSON values by name.
        lines: the same facts as lines to read.
        notes: what the reader must know to trust the report.
    """

    check: str
    file: str
    source: str
    operations: tuple[Placement, ...]
    headline: str
    facts: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the report."""
        return {
            "check": self.check,
            "file": self.file,
            "source": self.source,
            "operations": [operation.as_json() for operation in self.operations],
            "placements": dict(Counter(operation.placement for operation in self.operations)),
            **self.facts,
            "notes": list(self.notes),
        }

    def text(self) -> Iterator[str]:
        """Yield the lines to print. Operations with the same placement, reason and fix share a line."""
        yield f"{self.file}: {self.headline}"
        groups: dict[tuple[str, str, str | None], list[Placement]] = {}
        for row in self.operations:
            groups.setdefault((row.placement, row.reason, row.fix), []).append(row)
        width = max((len(row.placement) for row in self.operations), default=0)
        for (placement, reason, fix), rows in groups.items():
            yield f"  {placement:{width}}  {_names(rows)} ({_ranges(rows)}): {reason}"
            if fix:
                yield f"  {'':{width}}    fix: {fix}"
        yield from self.lines
        yield from (f"note: {note}" for note in self.notes)


def _ranges(rows: Sequence[Placement]) -> str:
    """Return the operations' places, such as ``0-63, 65``; with … for the rest of many."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and runs[-1][1] == row.index - 1:
            runs[-1][1] = row.index
        else:
            runs.append([row.index, row.index])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs[:MOST_RANGES]]
    return ", ".join([*shown, "…"] if len(runs) > MOST_RANGES else shown)


def _names(rows: Sequence[Placement]) -> str:
    """Return the operations' names with their counts, the most frequent first."""
    counts = Counter(row.op for row in rows).most_common()
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in counts)
