"""Quantization-aware training through tfmot, with our own layers taught to it.

tfmot refuses layers that it does not know. Ours say in ``quantizes_output`` whether their output has a
range of its own; moving values (split, shuffle) keeps the scale and is left alone.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import need

from edge.errors import InvalidInput


def quantize_aware(model: Any, keep_sparsity: bool = False) -> Any:
    """Return a copy of ``model`` that simulates int8 (per-channel weights, per-tensor activations).

    keep_sparsity: weights that are zero stay zero while training. Raises InvalidInput when a layer
    cannot be quantized.
    """
    tfmot = need("tensorflow_model_optimization")
    keras = need("tf_keras")
    annotated = keras.models.clone_model(model, clone_function=_annotate)
    annotated.set_weights(model.get_weights())
    try:
        with scope():
            if keep_sparsity:
                return tfmot.quantization.keras.quantize_apply(annotated, _sparsity_scheme())
            return tfmot.quantization.keras.quantize_apply(annotated)
    except (ValueError, RuntimeError) as error:
        raise InvalidInput(
            f"{model.name} cannot be trained quantization-aware: {str(error).splitlines()[0]}"
        ) from error


def is_quantize_aware(model: Any) -> bool:
    """Return whether ``model`` carries fake quantization already."""
    return any(type(layer).__name__.startswith("QuantizeWrapper") for layer in model.layers)


def scope() -> Any:
    """Return the context manager under which quantization-aware models are made and loaded."""
    tfmot = need("tensorflow_model_optimization")
    from edge.models import layers

    own = {name: value for name, value in vars(layers).items() if hasattr(value, "quantizes_output")}
    return tfmot.quantization.keras.quantize_scope({**own, **_own_configurations()})


@contextmanager
def saving_h5() -> Iterator[None]:
    """Hold back Keras' advice to use .keras: that format cannot restore the quantization wrappers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file", category=UserWarning)
        yield


def _annotate(layer: Any) -> Any:
    tfmot = need("tensorflow_model_optimization")
    own = getattr(type(layer), "quantizes_output", None)
    annotate = tfmot.quantization.keras.quantize_annotate_layer
    if own is None:
        return layer if type(layer).__name__ == "InputLayer" else annotate(layer)
    configuration = _own_configurations()["KeepScale" if not own else "QuantizeOutput"]
    return annotate(layer, configuration())


def _own_configurations() -> dict[str, Any]:
    from edge.deploy.compress import quantize_configs

    return {"KeepScale": quantize_configs.KeepScale, "QuantizeOutput": quantize_configs.QuantizeOutput}


def _sparsity_scheme() -> Any:
    from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (
        default_8bit_prune_preserve_quantize_scheme as scheme,
    )

    return scheme.Default8BitPrunePreserveQuantizeScheme()
