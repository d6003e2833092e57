"""Quantization-aware training through tfmot, with our own layers taught to it.

tfmot refuses layers that it does not know. Ours say in ``quantizes_output`` whether their output has a
range of its own; moving values (split, shuffle) keeps the scale and is left alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.compress import biases, ranges
from edge.errors import InputError


def quantize_aware(model: Any, batches: Iterable[Any], keep_sparsity: bool = False) -> Any:
    """Return a copy of ``model`` that simulates int8 (per-channel weights, per-tensor activations).

    batches: some training inputs, each (n, height, width, channels) float32, normalized; the activation ranges
    start from them. keep_sparsity: weights that are zero stay zero while training. Raises InputError when a
    layer cannot be quantized.
    """
    need("tensorflow_model_optimization")
    from edge.deploy.compress.scheme import Scheme
    from edge.deploy.compress.wrapping import wrapped

    try:
        with scope():
            simulated = wrapped(model, Scheme(keep_sparsity))
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{model.name} cannot be trained quantization-aware: {reason}") from error
    ranges.start_from(simulated, model, batches)
    ranges.tie(simulated, model)
    return simulated


def finish(simulated: Any, model: Any) -> None:
    """After training, make what ``simulated`` computes what its int8 file will: final ranges, biases on steps.

    model: the float network that it was made from.
    """
    ranges.tie(simulated, model)
    ranges.follow_kernels(simulated)
    biases.put_on_steps(simulated)


def is_quantize_aware(model: Any) -> bool:
    """Return whether ``model`` carries fake quantization already."""
    return any(type(layer).__name__.startswith("QuantizeWrapper") for layer in model.layers)


@contextmanager
def scope() -> Iterator[None]:
    """Make or load quantization-aware models inside: tfmot's wrappers and our own layers are known."""
    tfmot = need("tensorflow_model_optimization")
    from edge.deploy.compress import quantize_configs as own
    from edge.models import layers

    known = {name: value for name, value in vars(layers).items() if hasattr(value, "quantizes_output")}
    known |= {c.__name__: c for c in (own.KeepScale, own.QuantizeOutput, own.QuantizeDepthwise)}
    with tfmot.quantization.keras.quantize_scope(known):
        yield


@contextmanager
def saving_h5() -> Iterator[None]:
    """Hold back Keras' advice to use .keras, which cannot restore the wrappers."""
    with quiet_conversion():
        yield
