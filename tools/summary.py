"""The summary of a chain: one table, one picture, one record."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.bundle import open_bundle
from edge.files import replaced
from tools.plans import Variant

HEAD = ("network", "step", "accuracy %", "file KiB", "zipped KiB", "median ms", "p90 ms", "loop frames/s")


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        network: the network.
        step: which of its files.
        accuracy: percent of the test images.
        bytes: size of the file.
        zipped: size of the zipped file in bytes; None where it is not reported.
        median_ms: median latency, in milliseconds.
        p90_ms: 90th percentile of the latency.
        fps: frames per second of the loop; None when it was not run.
    """

    network: str
    step: str
    accuracy: float
    bytes: int
    zipped: int | None
    median_ms: float
    p90_ms: float
    fps: float | None

    def cells(self) -> tuple[str, ...]:
        """Return the row as the table prints it."""
        zipped = "" if self.zipped is None else f"{self.zipped / 1024:.0f}"
        fps = "" if self.fps is None else f"{self.fps:.0f}"
        times = (f"{self.median_ms:.3f}", f"{self.p90_ms:.3f}")
        return (self.network, self.step, f"{self.accuracy:.2f}", f"{self.bytes / 1024:.0f}", zipped, *times, fps)


def collect(variants: Iterable[Variant], bench: Path, loops: dict[Variant, Path]) -> list[Row]:
    """Read the rows from the files that the commands wrote.

    Args:
        variants: the rows.
        bench: ``bench.json``.
        loops: the statistics of the loops that were run.
    """
    measured = json.loads(bench.read_text(encoding="utf-8"))["measurements"]
    return [_row(variant, measured, loops.get(variant)) for variant in variants]


def _row(variant: Variant, measured: list[dict[str, Any]], loop: Path | None) -> Row:
    timing = next(m for m in measured if _is_of(m, variant))
    compressed = _compressed(variant)
    if variant.target.suffix == ".edge":
        accuracy = _bundle_accuracy(variant.target, timing["file"])
    else:
        accuracy = 100 * compressed["accuracy"]
    return Row(
        variant.network,
        variant.step,
        accuracy,
        timing["bytes"],
        compressed.get("zipped") if "TFLite" in variant.step else None,
        timing["median_ms"],
        timing["p90_ms"],
        json.loads(loop.read_text(encoding="utf-8"))["fps"] if loop else None,
    )


def _is_of(measurement: dict[str, Any], variant: Variant) -> bool:
    same_file = variant.precision is None or measurement["precision"] == variant.precision
    is_timed = "median_ms" in measurement
    return (
        is_timed
        and same_file
        and (measurement["target"], measurement["backend"])
        == (
            str(variant.target),
            variant.backend,
        )
    )


def _compressed(variant: Variant) -> dict[str, Any]:
    """Return the row of compress.json that this variant's weights come from."""
    home = variant.target.parent if variant.target.suffix != ".edge" else variant.target.parent / "small"
    step = {"float32": "float", "pruned": "prune", "int8": "qat"}[variant.step.split()[0]]
    rows = json.loads((home / "compress.json").read_text(encoding="utf-8"))["steps"]
    return dict(next(row for row in rows if row["step"] == step))


def _bundle_accuracy(path: Path, file: str) -> float:
    parity = open_bundle(path).manifest.measured["parity"]
    return float(next(r["quality"] for r in parity if r["candidate"] == file and r["reference"] == "the model"))


def table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned Markdown, which can be read as plain text, too."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(_pad(i, text, widths[i]) for i, text in enumerate(row)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (w + 1) + ("-" if i < 2 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _pad(column: int, text: str, width: int) -> str:
    return text.ljust(width) if column < 2 else text.rjust(width)


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows for the record."""
    return [asdict(row) for row in rows]


def draw(rows: Sequence[Row], title: str, frame: Path | None, target: Path) -> None:
    """Write a PNG that shows accuracy against latency, and beside it an annotated frame.

    Args:
        rows: the rows, each a disc whose size shows that of the file.
        title: the title.
        frame: the annotated frame; None for none.
        target: the file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12 if frame else 7, 5), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=(1, 1.1)) if frame else [figure.subplots()]
    _scatter(panels[0], rows)
    panels[0].set_title(title)
    if frame:
        from matplotlib.image import imread

        panels[1].imshow(imread(frame))
        panels[1].set_axis_off()
        panels[1].set_title("the loop's last frame")
    with replaced(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _scatter(axes: Any, rows: Sequence[Row]) -> None:
    """Draw a disc for each file, whose area grows with the file; colours tell networks, markers tell steps."""
    colours = {name: f"C{i}" for i, name in enumerate(dict.fromkeys(row.network for row in rows))}
    markers = {"float32 TFLite": "o", "float32 ONNX": "s", "pruned TFLite": "^", "int8 TFLite": "D", "int8 ONNX": "P"}
    for row in rows:
        axes.scatter(
            row.median_ms,
            row.accuracy,
            s=40 + row.bytes / 6000,
            color=colours[row.network],
            marker=markers.get(row.step, "o"),
            alpha=0.75,
            edgecolor="black",
            linewidth=0.6,
        )
    for name, colour in colours.items():
        axes.scatter([], [], color=colour, label=name)
    for step in dict.fromkeys(row.step for row in rows):
        axes.scatter([], [], color="white", edgecolor="black", marker=markers.get(step, "o"), label=step)
    axes.set_xlabel("median latency, one thread, ms")
    axes.set_ylabel("top-1 accuracy, % of the test images")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="best")
