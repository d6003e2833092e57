"""``suggestion`` says what to do about an int8 file, by what its layers lose by and by what was tried."""

import math
from collections.abc import Sequence

from edge.deploy.explain.layer_errors import INPUT, LayerError
from edge.deploy.explain.trials import BORDER, LAYERS, METHOD, Trial

WORTH_IT = 0.5
"""Decibels that a trial must gain to be suggested."""

ENOUGH = 20.0
"""Decibels from which equal answers on the samples are no chance."""

MOST = 0.5
"""The share of all noise from which a cause is the one to speak of."""

PART = 0.1
"""The share of all noise from which one of several inputs and outputs is worth a finer border."""

MANY = 0.002
"""A share of clipped values from which the bounds, and not the step between them, are named."""

WEIGHTS, STEPS, CLIPPED = "rounded weights", "coarse steps", "clipped values"
QAT = "quantization-aware training (edge-compress --qat, for models of Keras 2)"
SAMPLES = "more --samples for --calibrate, or data that show such values"
MENDS = {WEIGHTS: QAT, STEPS: QAT, CLIPPED: SAMPLES}
"""What can mend each kind of loss inside of the network."""


def loss(layer: LayerError) -> str:
    """Return in two words what a layer loses by."""
    if layer.cause == "weights":
        return WEIGHTS
    return CLIPPED if layer.clipped > MANY else STEPS


def is_border(layer: LayerError) -> bool:
    """Return whether a layer loses by the 256 steps of the network's input or output, which nothing makes finer."""
    return loss(layer) == STEPS and (layer.operation == INPUT or layer.at_output)


def worst_first(layers: Sequence[LayerError]) -> list[LayerError]:
    """Return the layers that lose anything, the one that adds most to the outputs' noise first."""
    return sorted((layer for layer in layers if layer.share > 0), key=lambda layer: -layer.share)


def at_border(layers: Sequence[LayerError]) -> bool:
    """Return whether most of the noise comes from the steps of the input or of the output."""
    return sum(layer.share for layer in layers if is_border(layer)) >= MOST


def suggestion(layers: Sequence[LayerError], trials: Sequence[Trial]) -> str:
    """Return what to do, in a sentence.

    Args:
        layers: all layers.
        trials: the file itself first, then what was tried.
    """
    found = _advice(layers, trials)
    figures = trials[0].figures
    if figures.unit == "%" and figures.agreement >= 100 and trials[0].snr >= ENOUGH:
        answers = f"{figures.measure} 100 % on {figures.samples} sample(s)"
        found += f"; the answers do not change by it ({answers}), and the file can stay as it is"
    return found


def _advice(layers: Sequence[LayerError], trials: Sequence[Trial]) -> str:
    first, *others = trials
    worst = worst_first(layers)
    better = max((t for t in others if t.kind == METHOD), key=lambda trial: trial.snr, default=first)
    if at_border(layers):
        return _of_border(next(filter(is_border, worst)), first, others)
    if better.snr >= first.snr + WORTH_IT:
        return f"convert with {better.option}: {better.snr:.1f} dB instead of {first.snr:.1f}"
    if sum(layer.share for layer in worst if loss(layer) == CLIPPED) >= MOST:
        return _of_clipping(next(layer for layer in worst if loss(layer) == CLIPPED), first, others)
    inner = next((layer for layer in worst if not is_border(layer)), None)  # the first that was kept in float
    kept = max((t for t in others if t.kind == LAYERS), key=lambda trial: trial.snr, default=first)
    if inner is not None and others and not any(trial.kind == LAYERS for trial in others):
        return f"{_most(inner, worst)}, which {MENDS[loss(inner)]} can mend"
    if inner is None or kept.snr < first.snr + WORTH_IT:
        return (
            "no single layer is to blame and nothing that was tried is better: the errors of many layers add up, "
            f"which {QAT} can mend"
        )
    return (
        f"{_most(inner, worst)}: with {kept.option} the file has "
        f"{kept.snr:.1f} dB instead of {first.snr:.1f}, and {MENDS[loss(inner)]} can mend it in int8"
    )


def _most(inner: LayerError, worst: Sequence[LayerError]) -> str:
    """Return which layer inside of the network loses most, and by what."""
    where = "" if worst[0] is inner else " inside of the network"
    return f"no other method is better; {inner.layer} loses most{where}, by {loss(inner)}"


def _of_border(worst: LayerError, first: Trial, others: Sequence[Trial]) -> str:
    where = "input" if worst.operation == INPUT else "output"
    found = (
        f"most of the loss is in the {where}'s own 256 steps ({worst.layer}), which no training makes finer, and "
        "--io float32 alone only writes the same steps as float numbers"
    )
    better = [t for t in others if t.kind == BORDER and t.snr >= first.snr + WORTH_IT]
    if better:
        gained = ", ".join(f"{trial.option} gives {_ratio(trial.snr)}" for trial in better)
        found += f"; what helps: {gained} instead of {first.snr:.1f}"
    return found


def _of_clipping(worst: LayerError, first: Trial, others: Sequence[Trial]) -> str:
    methods = [trial for trial in others if trial.kind == METHOD]
    tried = "".join(f"; {t.option} was tried and gives {t.snr:.1f} dB instead of {first.snr:.1f}" for t in methods)
    return (
        f"most of the loss is by clipping: {worst.clipped:.1%} of the values of {worst.layer} lie beyond the range of "
        f"the calibration samples; give {SAMPLES}{tried}"
    )


def _ratio(snr: float) -> str:
    return f"{snr:.1f} dB" if math.isfinite(snr) else "no loss"
