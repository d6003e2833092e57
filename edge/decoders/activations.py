"""The functions that turn a network's last values into scores from 0 to 1."""

import math
from typing import Any

import numpy as np

from edge.decoders.base import Floats
from edge.errors import InputError

ACTIVATIONS = ("none", "softmax", "sigmoid")
"""What is still to be applied to scores; ``none`` where the graph has done it."""

LARGEST_LOGIT = 100.0
"""MediaPipe clips logits at this value before the sigmoid; no score differs by it in float32."""


REMEDY = "the parameter activation says what is still to be applied: softmax or sigmoid"
"""What to do about scores that are logits, for a decoder with that parameter."""

MOST_BEYOND = 0.1
"""How far the rounding of a quantized file may put a score beyond 0 to 1. Logits of a background lie much farther."""


def activate(values: Floats, activation: str) -> Floats:
    """Return the scores, 0 to 1, that an activation makes of values.

    Args:
        values: (..., classes) float32.
        activation: one of ``ACTIVATIONS``.
    """
    if activation == "softmax":
        return softmax(values)
    return sigmoid(values) if activation == "sigmoid" else values


def probabilities(values: Floats, output: str, remedy: str) -> Floats:
    """Return scores that the graph has made, cut off at 0 and 1, which rounding may pass by ``MOST_BEYOND``.

    Infinities stay: selection leaves them out.

    Args:
        values: (n, classes) float32.
        output: the output's name, for messages.
        remedy: what to do about values that are no probabilities.

    Raises:
        InputError: the values are no probabilities, such as logits.
    """
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not math.isfinite(low) or not math.isfinite(high):
        probabilities(values[np.isfinite(values)], output, remedy)
        return values
    if low < -MOST_BEYOND or high > 1 + MOST_BEYOND:
        raise InputError(
            f"output {output!r} must give scores from 0 to 1, got {low:.4g} to {high:.4g}, as logits are; {remedy}"
        )
    return values if low >= 0 and high <= 1 else np.clip(values, 0, 1)


def sigmoid(values: Any) -> Floats:
    """Return 1 / (1 + exp(-x)) of each value, float32, without overflow."""
    clipped = np.clip(np.asarray(values, np.float32), -LARGEST_LOGIT, LARGEST_LOGIT)
    # exp(100) overflows float32, so the exponent is always the negative one.
    small = np.exp(-np.abs(clipped))
    return np.asarray(np.where(clipped >= 0, 1, small) / (1 + small), np.float32)


def softmax(values: Any) -> Floats:
    """Return exp(x) / sum(exp(x)) along the last axis, float32, shifted by the maximum so that nothing overflows."""
    real = np.asarray(values, np.float32)
    raised = np.exp(real - real.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
