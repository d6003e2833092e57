"""``Explanation`` is what an int8 file loses, layer by layer, and what was tried against it; as JSON and as lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.deploy.explain.layer_errors import INPUT, LayerError
from edge.deploy.explain.trials import Trial

SHOWN = 10
"""The most layers that are printed."""

WORTH_IT = 0.5
"""Decibels that a trial must gain to be suggested."""


@dataclass(frozen=True)
class Explanation:
    """The errors of an int8 file.

    Attributes:
        file: the file's name.
        samples: the number of samples on which the layers were measured.
        layers: all layers, in the order of the file.
        trials: the file itself first, then what was tried.
    """

    file: str
    samples: int
    layers: tuple[LayerError, ...]
    trials: tuple[Trial, ...]

    @property
    def worst(self) -> list[LayerError]:
        """The layers that lose anything, the one that adds most to the outputs' noise first."""
        return sorted((layer for layer in self.layers if layer.share > 0), key=lambda layer: -layer.share)

    @property
    def suggestion(self) -> str:
        """What to do, in a sentence that follows from the trials."""
        first, *others = self.trials
        better = max((t for t in others if t.option), key=lambda trial: trial.snr, default=first)
        if better.snr >= first.snr + WORTH_IT:
            return f"convert with {better.option}: {better.snr:.1f} dB instead of {first.snr:.1f}"
        kept = max((t for t in others if not t.option), key=lambda trial: trial.snr, default=first)
        if kept.snr < first.snr + WORTH_IT:
            return (
                "no single layer is to blame and nothing that was tried is better: the errors of many layers add up, "
                f"which {QAT} can mend"
            )
        worst = next(layer for layer in self.worst if layer.operation != INPUT)  # what was kept in float
        return (
            f"no other method is better; {worst.layer} loses most, and {kept.what} the file would have "
            f"{kept.snr:.1f} dB instead of {first.snr:.1f}: the {loss(worst)} are what {MENDS[loss(worst)]} can mend"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; an infinite value becomes null."""
        return {
            "file": self.file,
            "samples": self.samples,
            "layers": [_finite(asdict(layer)) for layer in self.layers],
            "worst": [layer.tensor for layer in self.worst[:SHOWN]],
            "trials": [_trial_json(trial) for trial in self.trials],
            "suggestion": self.suggestion,
        }

    def text(self) -> Iterator[str]:
        """Yield the lines to print: the worst layers, what was tried, and the suggestion."""
        yield f"what {self.file} loses, by layer, on {self.samples} sample(s), in dB of signal to noise:"
        yield "  outputs and layer: where this layer alone is int8; in file: the layer with all errors before it"
        rows = [HEAD, *(_cells(layer) for layer in self.worst[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [
                text.rjust(w) if i < LEFT_FROM else text.ljust(w)
                for i, (text, w) in enumerate(zip(row, widths, strict=True))
            ]
            yield f"  {'  '.join(cells)}".rstrip()
        yield from _trial_lines(self.trials)
        yield f"suggestion: {self.suggestion}"


HEAD = ("share", "outputs", "layer", "in file", "name", "operation", "loses by")
LEFT_FROM = 4
"""Columns from here on are text."""


def _cells(layer: LayerError) -> tuple[str, ...]:
    ratios = (_db(value) for value in (layer.output_snr, layer.local_snr, layer.snr))
    return (f"{layer.share:.1%}", *ratios, layer.layer, layer.operation, loss(layer))


QAT = "quantization-aware training (edge-compress --qat)"
MENDS = {
    "rounded weights": QAT,
    "coarse steps": QAT,
    "clipped values": f"more --samples for --calibrate, which show larger values, or {QAT}",
}
"""What can mend each kind of loss."""


def loss(layer: LayerError) -> str:
    """Return in two or three words what a layer loses by."""
    if layer.cause == "weights":
        return "rounded weights"
    return "clipped values" if layer.clipped > MANY and layer.operation != INPUT else "coarse steps"


MANY = 0.002
"""A share of clipped values from which the bounds, and not the step between them, are named."""


def _trial_lines(trials: Sequence[Trial]) -> Iterator[str]:
    yield f"tried on {trials[0].figures.samples} sample(s):"
    width = max(len(trial.what) for trial in trials)
    for trial in trials:
        figures = trial.figures
        line = (
            f"  {trial.what:{width}}  {_db(trial.snr):>5} dB, {figures.measure} {figures.agreement:.4g} {figures.unit}"
        )
        if figures.quality is not None:
            line = f"{line.rstrip()}, {figures.quality_name} {figures.quality:.2f} ({figures.reference_quality:.2f})"
        yield line.rstrip()


def _trial_json(trial: Trial) -> dict[str, Any]:
    head = {"what": trial.what, "option": trial.option or None, "snr": _finite(trial.snr)}
    return {**head, "figures": trial.figures.as_json()}


def _db(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "exact"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
