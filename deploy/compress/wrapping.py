"""From a network to one whose layers simulate int8. Imports tfmot.

It does what ``tfmot.quantization.keras.quantize_apply`` does, which builds the network anew for each of five steps:
annotated, copied, unwrapped, transformed, wrapped. Here it is transformed and wrapped, in half the time
(docs/decisions/quantize-scheme.md).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy import quantize_configs as own
from edge.deploy._tensorflow import need
from edge.deploy._tfmot import QuantizeLayer, QuantizeWrapper

Plan = dict[str, dict[str, Any]]
"""By a layer's name, what the wrapper gets instead of the registry's choice: tfmot's layer metadata."""


def wrapped(model: Any, scheme: Any) -> Any:
    """Return a copy of ``model`` that simulates int8 as ``scheme``, a tfmot QuantizeScheme, says.

    Raises ValueError when layers have no quantize configuration, and what tfmot and Keras raise of layers that they
    cannot build again: ValueError, TypeError, RuntimeError.
    """
    transformed, plan = planned(model, scheme)
    wrap = _wrapper(plan, scheme.get_quantize_registry())
    return need("tf_keras").models.clone_model(transformed, clone_function=wrap)


def planned(model: Any, scheme: Any) -> tuple[Any, Plan]:
    """Return ``model`` as it is before its layers are wrapped, and how each is going to be.

    Raises ValueError that names all layers without a quantize configuration, and as ``wrapped`` does.
    """
    plan: Plan = {name: {} for name in model.input_names}
    plan |= {layer.name: {"quantize_config": _own_config(layer)} for layer in model.layers if layer.name not in plan}
    with _legacy_config(model):
        transformed, plan = scheme.get_layout_transformer().apply(model, plan)
    registry = scheme.get_quantize_registry()
    entries = set(transformed.input_names)
    missing = [
        f"{layer.name} ({type(layer).__name__})"
        for layer in transformed.layers
        if layer.name not in entries and not isinstance(layer, QuantizeLayer) and _config(layer, plan, registry) is None
    ]
    if missing:
        raise ValueError(f"no quantize configuration is known for {', '.join(missing)}")
    return transformed, plan


def _config(layer: Any, plan: Plan, registry: Any) -> Any:
    """Return the quantize configuration of a layer; None when there is none."""
    config = plan.get(layer.name, {}).get("quantize_config")
    return registry.get_quantize_config(layer) if config is None and registry.supports(layer) else config


def _own_config(layer: Any) -> Any:
    """Return the configuration of a layer that tfmot does not know; None leaves it to the registry."""
    if type(layer).__name__ in own.FOREIGN:
        return own.FOREIGN[type(layer).__name__]()
    quantizes = getattr(type(layer), "quantizes_output", None)
    if quantizes is None:
        return None
    return own.QuantizeOutput() if quantizes else own.KeepScale()


@contextmanager
def _legacy_config(model: Any) -> Iterator[None]:
    """tfmot reads a network in Keras' older form, and leaves the switch on: its file would be of that form, too."""
    before = getattr(model, "use_legacy_config", False)
    try:
        yield
    finally:
        model.use_legacy_config = before


def _wrapper(plan: Plan, registry: Any) -> Callable[[Any], Any]:
    def wrap(layer: Any) -> Any:
        if isinstance(layer, QuantizeLayer):
            # Of several followers a concatenation's may not take the input's range away.
            changes = plan.get(layer.name, {}) if len(layer.outbound_nodes) <= 1 else {}
            return QuantizeLayer.from_config(layer.get_config() | changes)
        return QuantizeWrapper(layer, _config(layer, plan, registry))

    return wrap
