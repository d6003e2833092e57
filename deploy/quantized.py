"""Helpers for quantization-aware models: how to recognize, load and save them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import quiet_conversion


def is_quantize_aware(model: Any) -> bool:
    """Return whether ``model`` is quantization-aware, so that its layers have quantization wrappers."""
    return any(type(layer).__name__.startswith("QuantizeWrapper") for layer in model.layers)


@contextmanager
def scope(named: Collection[str] | None = None) -> Iterator[None]:
    """Register tfmot's wrappers and our layers with Keras during the body, for building or loading a model.

    Args:
        named: the names of our layers that a file uses (registered as ``edge>NAME``). None registers all. A class of
            Keras may have the same name as a layer of ours, such as ``Conv3D``, and must not be replaced.
    """
    from edge.deploy import quantize_configs as own
    from edge.deploy._tfmot import quantization

    known = layers_of(named)
    known |= {c.__name__: c for c in (own.KeepScale, own.QuantizeOutput, own.QuantizeDepthwise)}
    with quantization.quantize_scope(known):
        yield


def layers_of(named: Collection[str] | None) -> dict[str, Any]:
    """Return our layers by name: those named, or all for None."""
    from edge.models.own_layers import own_layers

    return {name: layer for name, layer in own_layers().items() if named is None or name in named}


@contextmanager
def saving_h5() -> Iterator[None]:
    """Suppress Keras' advice to save as .keras, because a .keras file cannot restore the wrappers."""
    with quiet_conversion():
        yield
