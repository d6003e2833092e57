"""The functions that turn a network's last values into scores from 0 to 1."""

from typing import Any

import numpy as np

from edge.decoders.base import Floats

ACTIVATIONS = ("none", "softmax", "sigmoid")
"""What is still to be applied to scores; ``none`` where the graph has done it."""

LARGEST_LOGIT = 100.0
"""MediaPipe clips logits at this value before the sigmoid; no score differs by it in float32."""


def activate(values: Floats, activation: str) -> Floats:
    """Return the scores, 0 to 1, that an activation makes of values.

    Args:
        values: (..., classes) float32.
        activation: one of ``ACTIVATIONS``.
    """
    if activation == "softmax":
        return softmax(values)
    return sigmoid(values) if activation == "sigmoid" else values


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
