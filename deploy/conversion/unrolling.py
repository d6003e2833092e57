"""Recurrent layers of a Keras model are unrolled for int8: a loop has no ranges for the values inside, its steps have.

Each step of a sequence becomes operations of its own, with the same weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOST_STEPS = 200
"""The most steps of all recurrent layers together. The file and the time of its conversion grow with them."""

SWITCHES = {"unroll": True, "_could_use_gpu_kernel": False, "use_cudnn": False}
"""The attributes of a recurrent layer that decide how it is traced: Keras 2 and 3, then those of one of them, which
would let a kernel for GPUs take the layer."""


def can_unroll(model: Any) -> bool:
    """Return whether a Keras model has recurrent layers whose steps are known and not too many."""
    steps = [_steps(layer) for layer in _symbolic(model)]
    return bool(steps) and 0 not in steps and sum(steps) <= MOST_STEPS


@contextmanager
def unrolled(model: Any) -> Iterator[None]:
    """Let the recurrent layers of a Keras model be traced step by step during the body."""
    found = [(layer, name) for layer in _recurrent(model) for name in SWITCHES if hasattr(layer, name)]
    before = [getattr(layer, name) for layer, name in found]
    for layer, name in found:
        setattr(layer, name, SWITCHES[name])
    try:
        yield
    finally:
        for (layer, name), value in zip(found, before, strict=True):
            setattr(layer, name, value)


def _recurrent(model: Any) -> list[Any]:
    """Return the recurrent layers, also those inside wrappers and inside other models."""
    return [layer for layer in model._flatten_layers() if hasattr(layer, "unroll")]


def _symbolic(model: Any) -> list[Any]:
    """Return the layers of a model, and of models inside it, that are recurrent or wrap recurrent layers."""
    found = []
    for layer in getattr(model, "layers", ()):
        if getattr(layer, "layers", None):
            found += _symbolic(layer)
        elif any(hasattr(one, "unroll") for one in layer._flatten_layers()):
            found.append(layer)
    return found


def _steps(layer: Any) -> int:
    """Return how many steps a layer takes; 0 where that is not known. Both directions of a layer count."""
    try:
        given = layer.input
    except (AttributeError, ValueError):  # a layer that is called more than once
        return 0
    first = given[0] if isinstance(given, list | tuple) else given
    inner = [size for size in first.shape[1:-1] if size]
    directions = sum(hasattr(one, "unroll") for one in layer._flatten_layers())
    return max(inner, default=0) * max(directions, 1)
