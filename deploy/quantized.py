"""What tells a quantization-aware network, and what has to be known where one is made, read or written."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import quiet_conversion


def is_quantize_aware(model: Any) -> bool:
    """Return whether ``model`` carries fake quantization already."""
    return any(type(layer).__name__.startswith("QuantizeWrapper") for layer in model.layers)


@contextmanager
def scope(named: Collection[str] | None = None) -> Iterator[None]:
    """Make or load quantization-aware models inside: tfmot's wrappers and our own layers are known.

    Args:
        named: the plain names of our layers that a file says are ours (``edge>NAME``); None for all of them. A layer
            that is only called like one of ours, Keras' ``Conv3D`` for instance, is not ours.
    """
    from edge.deploy import quantize_configs as own
    from edge.deploy._tfmot import quantization
    from edge.models.own_layers import own_layers

    known = {name: layer for name, layer in own_layers().items() if named is None or name in named}
    known |= {c.__name__: c for c in (own.KeepScale, own.QuantizeOutput, own.QuantizeDepthwise)}
    with quantization.quantize_scope(known):
        yield


@contextmanager
def saving_h5() -> Iterator[None]:
    """Hold back Keras' advice to use .keras, which cannot restore the wrappers."""
    with quiet_conversion():
        yield
