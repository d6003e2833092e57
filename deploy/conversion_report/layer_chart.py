"""``layer_chart`` draws the errors of all layers as an SVG that stands in the page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LEFT, RIGHT = 960, 72, 8
TOP, RATIOS, GAP, PARTS, NAMES = 24, 200, 30, 110, 145
"""Heights in pixels: of the title, the upper plot, the space between, the lower plot, and the names below."""

BEST = 80.0
"""The most dB that are drawn. What loses less, or nothing, is drawn there."""

MOST_NAMES = 45
"""Of more layers, only those that add most to the noise are named."""

NAMED = 10
LONGEST = 22

Layer = Mapping[str, Any]


def layer_chart(layers: Sequence[Layer]) -> str:
    """Return the chart: above the signal-to-noise ratio along the network, below the parts of the outputs' noise.

    Args:
        layers: the JSON objects of the layers, in the order of the file.
    """
    step = (WIDTH - LEFT - RIGHT) / max(1, len(layers))
    places = [LEFT + step * (i + 0.5) for i in range(len(layers))]
    parts = [*_ratios(layers, places), *_parts(layers, places, step), *_names(layers, places)]
    height = TOP + RATIOS + GAP + PARTS + NAMES
    label = "signal-to-noise ratio of each layer, and its part of the noise at the outputs"
    box = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}"'
    return f'<div class="scroll"><svg {box}>{"".join(parts)}</svg></div>'


def _ratios(layers: Sequence[Layer], places: Sequence[float]) -> list[str]:
    def y(value: float | None) -> float:
        return TOP + RATIOS * (1 - max(0.0, min(BEST, BEST if value is None else value)) / BEST)

    out = [_text(LEFT, 12, "dB of signal to noise: dots the layer alone, line with all errors before it")]
    for value in range(0, int(BEST) + 1, 20):
        out += _grid(y(value), f"{value}")
    points = " ".join(f"{x:.1f},{y(layer['snr']):.1f}" for x, layer in zip(places, layers, strict=True))
    out.append(f'<polyline class="line" points="{points}"/>')
    for x, layer in zip(places, layers, strict=True):
        alone = f'<circle class="dot" cx="{x:.1f}" cy="{y(layer["local_snr"]):.1f}" r="2.6">'
        out.append(f"{alone}<title>{escape(_caption(layer))}</title></circle>")
    return out


def _parts(layers: Sequence[Layer], places: Sequence[float], step: float) -> list[str]:
    top, most = TOP + RATIOS + GAP, max([layer["share"] for layer in layers], default=0.0) or 1.0
    out = [_text(LEFT, top - 8, "part of the noise at the outputs")]
    out += _grid(top, f"{100 * most:.0f} %") + _grid(top + PARTS, "0 %")
    for x, layer in zip(places, layers, strict=True):
        height, wide = PARTS * layer["share"] / most, min(0.8 * step, 28)
        bar = f'x="{x - wide / 2:.1f}" y="{top + PARTS - height:.1f}" width="{wide:.1f}" height="{height:.1f}"'
        out.append(f'<rect class="part" {bar}><title>{escape(_caption(layer))}</title></rect>')
    return out


def _names(layers: Sequence[Layer], places: Sequence[float]) -> list[str]:
    shares = sorted((layer["share"] for layer in layers), reverse=True)
    least = 0.0 if len(layers) <= MOST_NAMES else shares[NAMED - 1]
    y, out, last = TOP + RATIOS + GAP + PARTS + 10, list[str](), -float(WIDTH)
    for x, layer in zip(places, layers, strict=True):
        if layer["share"] >= least and x - last >= 9:
            name = layer["layer"]
            name = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
            place = f'transform="translate({x + 3:.1f} {y}) rotate(-60)" text-anchor="end"'
            out.append(f"<text {place}>{escape(name)}</text>")
            last = x
    return out


def _grid(y: float, label: str) -> list[str]:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return [line, _text(LEFT - 8, y + 4, label, "end")]


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _caption(layer: Layer) -> str:
    alone = "exact" if layer["local_snr"] is None else f"{layer['local_snr']:.1f} dB"
    return f"{layer['layer']} ({layer['operation']}): alone {alone}, {100 * layer['share']:.1f} % of the noise"
