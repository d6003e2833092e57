"""Measurements are reported as a text table, a picture, and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.bench.plan import Measurement
from edge.device import Device
from edge.errors import MissingExtra
from edge.files import replaced

_HEAD = ("", "network", "precision", "backend", "threads", "median ms", "p90 ms", "p99 ms", "runs/s", "size KB")
_LEFT = (0, 1, 2, 3)


def table(rows: Sequence[Measurement]) -> str:
    """Return the rows as aligned text. ``*`` marks the fastest of each bundle or file; refused files come last."""
    cells = [_HEAD, *(_cells(row) for row in rows if row.timing)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(_align(i, text, widths[i]) for i, text in enumerate(row)).rstrip() for row in cells]
    refused = [f"- {row.job.backend}: {row.error}" for row in rows if row.error]
    return "\n".join([*lines, *dict.fromkeys(refused)])


def _cells(row: Measurement) -> tuple[str, ...]:
    assert row.timing is not None  # table() keeps only rows that have one
    times = (f"{value:.3f}" for value in (row.timing.median_ms, row.timing.p90_ms, row.timing.p99_ms))
    star = "*" if row.fastest else ""
    rate, size = f"{1000 / row.timing.median_ms:.0f}", f"{row.job.file.bytes / 1000:.0f}"
    return (
        star,
        row.job.file.name,
        row.job.file.precision or "",
        row.job.backend,
        str(row.job.threads),
        *times,
        rate,
        size,
    )


def _align(column: int, text: str, width: int) -> str:
    return text.ljust(width) if column in _LEFT else text.rjust(width)


def as_json(rows: Sequence[Measurement], device: Device, seconds: float) -> dict[str, Any]:
    """Return a JSON object.

    Args:
        rows: the measurements, which become one object each.
        device: the machine.
        seconds: how long each was measured.
    """
    return {"device": device.as_json(), "seconds": seconds, "measurements": [_row_json(row) for row in rows]}


def _row_json(row: Measurement) -> dict[str, Any]:
    out: dict[str, Any] = {
        "target": str(row.job.file.origin),
        "network": row.job.file.name,
        "precision": row.job.file.precision,
        "file": row.job.file.path.name,
        "bytes": row.job.file.bytes,
        "backend": row.job.backend,
        "version": row.version,
        "threads": row.job.threads,
        "fastest": row.fastest,
    }
    return {**out, **row.timing.as_json()} if row.timing else {**out, "error": row.error}


def plot(rows: Sequence[Measurement], device: Device, path: Path) -> None:
    """Write a PNG with a bar up to the median of each row, and a line to its 90th percentile.

    Args:
        rows: the measurements; those without a timing are left out. The fastest has another colour.
        device: the machine, for the title.
        path: the file to write.

    Raises:
        MissingExtra: matplotlib is not installed.
        FileError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("--plot needs matplotlib, not installed here: pip install matplotlib") from error
    timed = [(row, row.timing) for row in rows if row.timing]
    figure = Figure(figsize=(9, 1.5 + 0.32 * len(timed)), layout="constrained")
    axes = figure.add_subplot()
    medians = [timing.median_ms for _, timing in timed]
    tails = [timing.p90_ms - timing.median_ms for _, timing in timed]
    colours = ["tab:green" if row.fastest else "tab:gray" for row, _ in timed]
    axes.barh(range(len(timed)), medians, xerr=[[0.0] * len(timed), tails], color=colours, capsize=2)
    axes.set_yticks(range(len(timed)), [_caption(row) for row, _ in timed])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds a run: bar to the median, line to the 90th percentile; green is fastest")
    axes.set_title(f"{device.model}, {device.cores} core(s), {device.memory_mb} MiB")
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _caption(row: Measurement) -> str:
    return f"{row.job.file.name} {row.job.file.precision or ''} · {row.job.backend} · {row.job.threads} thread(s)"
