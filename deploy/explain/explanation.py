"""``Explanation`` is what an int8 file loses, layer by layer, and what was tried against it; as JSON and as lines."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.deploy.explain import advice
from edge.deploy.explain.layer_errors import LayerError
from edge.deploy.explain.trials import Trial

SHOWN = 10
"""The most layers that are printed."""


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
        return advice.worst_first(self.layers)

    @property
    def suggestion(self) -> str:
        """What to do, in a sentence that follows from the trials."""
        return advice.suggestion(self.layers, self.trials)

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
    return (f"{layer.share:.1%}", *ratios, layer.layer, layer.operation, advice.loss(layer))


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
