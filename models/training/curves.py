"""The training curves as a picture, with loss and metric by epoch from ``history.csv``."""

import csv
from pathlib import Path


def plot_curves(history: Path, target: Path, metric: str = "accuracy") -> None:
    """Draw the loss on the left and the metric on the right, both for training and monitored samples.

    Args:
        history: ``history.csv`` of a run.
        target: the PNG to write.
        metric: the column beside the loss.
    """
    from matplotlib.figure import Figure

    with history.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) for row in rows]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", metric), strict=True):
        for column, label in ((name, "training"), (f"val_{name}", "monitored")):
            axes.plot(epochs, [float(row[column]) for row in rows], label=label, marker="." if len(rows) < 20 else None)
        axes.set_xlabel("epoch")
        axes.set_title(name)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(target, dpi=120)
