"""Quantization-aware training through tfmot, with our own layers taught to it.

tfmot refuses layers that it does not know. Ours say in ``quantizes_output`` whether their output has a
range of its own; moving values (split, shuffle) keeps the scale and is left alone.
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
    """Return a copy of ``model`` that simulates int8 (per-channel weights, per-tensor activations).

    batches: some training inputs, each (n, height, width, channels) float32, normalized; the activation ranges
    start from them. keep_sparsity: weights that are zero stay zero while training. Raises InputError when a
    layer cannot be quantized.
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
    """Raise InputError, which names the layers, for a network that cannot be trained quantization-aware.

    It costs one building of the network: for callers with longer work to do before they train it.
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
    """Turn what tfmot and Keras raise of a network that they cannot handle into one line."""
    try:
        with scope():
            yield
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{model.name} cannot be trained quantization-aware: {reason}; {INSTEAD}") from error


def finish(simulated: Any, model: Any) -> None:
    """After training, make what ``simulated`` computes what its int8 file will: final ranges, biases on steps.

    model: the float network that it was made from.
    """
    ranges.unify_scales(simulated, model)
    ranges.refresh_ranges(simulated)
    biases.quantize_biases(simulated)
