"""Quantization-aware training through tfmot, which is extended here for the layers of this project.

tfmot refuses layers that it does not know. The attribute ``quantizes_output`` of our layers states whether their output
gets a range. The output of layers that only move values, such as split and shuffle, keeps the scale of the input.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy.compress import biases, ranges
from edge.deploy.quantized import scope
from edge.errors import InputError

INSTEAD = "leave --qat away, edge-convert quantizes after training"


def quantize_aware(model: Any, batches: Iterable[Any], keep_sparsity: bool = False) -> Any:
    """Return a copy of a network that simulates int8, with per-channel weights and per-tensor activations.

    Args:
        model: the float network.
        batches: normalized training inputs, each (n, height, width, channels) float32. The activation ranges are
            initialized from them.
        keep_sparsity: whether weights that are zero stay zero during training.

    Raises:
        InputError: a layer cannot be quantized.
    """
    need("tensorflow_model_optimization")
    from edge.deploy.compress.scheme import Scheme
    from edge.deploy.compress.wrapping import wrapped

    with _refusing(model):
        simulated = wrapped(model, Scheme(keep_sparsity))
    ranges.initialize_ranges(simulated, model, batches)
    ranges.unify_scales(simulated, model)
    return simulated


def check(model: Any) -> None:
    """Check that a network can be trained quantization-aware. This takes as long as building the network once.

    Args:
        model: the float network.

    Raises:
        InputError: it cannot; the message names the layers.
    """
    tokens = [entry.name for entry in model.inputs if not entry.dtype.is_floating]
    if tokens:
        raise InputError(
            f"{model.name} cannot be trained quantization-aware: the input {tokens[0]} holds whole numbers, which have "
            f"no range to learn; {INSTEAD}"
        )
    need("tensorflow_model_optimization")
    from edge.deploy.compress.scheme import Scheme
    from edge.deploy.compress.wrapping import planned

    with _refusing(model):
        planned(model, Scheme())


@contextmanager
def _refusing(model: Any) -> Iterator[None]:
    """Turn the exceptions of tfmot and Keras into an InputError with one line."""
    try:
        with scope():
            yield
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{model.name} cannot be trained quantization-aware: {reason}; {INSTEAD}") from error


def finish(simulated: Any, model: Any) -> None:
    """Make a trained model compute what its int8 file will compute: set the final ranges and quantize the biases.

    Args:
        simulated: the trained quantization-aware model, which is changed in place.
        model: the float network that it was made from.
    """
    ranges.unify_scales(simulated, model)
    ranges.refresh_ranges(simulated)
    biases.quantize_biases(simulated)
