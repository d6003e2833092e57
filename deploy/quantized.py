"""What tells a quantization-aware network, and what has to be known where one is made, read or written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import quiet_conversion


def is_quantize_aware(model: Any) -> bool:
    """Return whether ``model`` carries fake quantization already."""
    return any(type(layer).__name__.startswith("QuantizeWrapper") for layer in model.layers)


@contextmanager
def scope() -> Iterator[None]:
    """Make or load quantization-aware models inside: tfmot's wrappers and our own layers are known."""
    from edge.deploy import quantize_configs as own
    from edge.deploy._tfmot import quantization
    from edge.models import layers

    known = {name: value for name, value in vars(layers).items() if hasattr(value, "quantizes_output")}
    known |= {c.__name__: c for c in (own.KeepScale, own.QuantizeOutput, own.QuantizeDepthwise)}
    with quantization.quantize_scope(known):
        yield


@contextmanager
def saving_h5() -> Iterator[None]:
    """Hold back Keras' advice to use .keras, which cannot restore the wrappers."""
    with quiet_conversion():
        yield
