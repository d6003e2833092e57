"""``write`` draws the errors of all layers of an int8 file as a PNG."""

import math
from pathlib import Path

from edge.deploy.explain.explanation import Explanation
from edge.errors import MissingExtra
from edge.files import replaced

BEST = 80.0
"""The most dB that are drawn. What loses less, or nothing, is drawn here."""


def write(explanation: Explanation, path: Path) -> None:
    """Write the plot: above the signal-to-noise ratio along the network, below each layer's part of the noise.

    Args:
        explanation: the layers.
        path: the PNG file.

    Raises:
        MissingExtra: matplotlib is not installed.
        FileError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("--explain needs matplotlib, not installed here: pip install matplotlib") from error
    layers = explanation.layers
    figure = Figure(figsize=(max(8.0, min(24.0, 0.16 * len(layers))), 6.5), layout="constrained")
    ratios, parts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    places = range(len(layers))
    ratios.plot(places, [_shown(layer.snr) for layer in layers], color="tab:red", label="in the int8 network")
    alone = [_shown(layer.local_snr) for layer in layers]
    ratios.plot(places, alone, color="tab:blue", marker=".", linestyle="none", label="the layer alone")
    ratios.set_ylabel("signal to noise of the layer's output, dB")
    ratios.legend(loc="upper right")
    ratios.set_title(f"{explanation.file}: what each layer loses, on {explanation.samples} sample(s)")
    parts.bar(places, [100 * layer.share for layer in layers], color="tab:orange", width=0.9)
    parts.set_ylabel("part of the noise\nat the outputs, %")
    parts.set_xticks(places, [layer.layer for layer in layers], rotation=90, fontsize=5 if len(layers) > 40 else 7)
    for axes in (ratios, parts):
        axes.grid(axis="y", alpha=0.3)
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _shown(value: float) -> float:
    return min(value, BEST) if math.isfinite(value) else BEST
