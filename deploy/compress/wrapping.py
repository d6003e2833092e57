"""``wrapped`` returns a copy of a network whose layers simulate int8. Importing this module imports tfmot.

The result is that of ``tfmot.quantization.keras.quantize_apply``, which rebuilds the network in each of five steps:
annotate, copy, unwrap, transform, wrap. Here the network is only transformed and wrapped, in half the time
(docs/decisions/quantize-scheme.md).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy import quantize_configs as own
from edge.deploy._tensorflow import need
from edge.deploy._tfmot import QuantizeLayer, QuantizeWrapper

Plan = dict[str, dict[str, Any]]
"""tfmot's metadata by layer name. A quantize configuration in it overrides the registry's."""


def wrapped(model: Any, scheme: Any) -> Any:
    """Return a copy of a network that simulates int8.

    Args:
        model: the float network.
        scheme: tfmot's QuantizeScheme, which states how layers are quantized.

    Raises:
        ValueError: layers have no quantize configuration, or cannot be rebuilt.
        TypeError: a layer cannot be rebuilt.
        RuntimeError: a layer cannot be rebuilt.
    """
    transformed, plan = planned(model, scheme)
    wrap = _wrapper(plan, scheme.get_quantize_registry())
    return need("tf_keras").models.clone_model(transformed, clone_function=wrap)


def planned(model: Any, scheme: Any) -> tuple[Any, Plan]:
    """Return the transformed network before its layers are wrapped, and the plan for wrapping them.

    Args:
        model: the float network.
        scheme: tfmot's QuantizeScheme.

    Raises:
        ValueError: layers have no quantize configuration; the message names them. Also as in ``wrapped``.
        TypeError: a layer cannot be rebuilt.
        RuntimeError: a layer cannot be rebuilt.
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
    """Return the quantize configuration of a layer, or None when there is none."""
    config = plan.get(layer.name, {}).get("quantize_config")
    return registry.get_quantize_config(layer) if config is None and registry.supports(layer) else config


def _own_config(layer: Any) -> Any:
    """Return the configuration of a layer that is unknown to tfmot. None means that the registry decides."""
    if type(layer).__name__ in own.FOREIGN:
        return own.FOREIGN[type(layer).__name__]()
    quantizes = getattr(type(layer), "quantizes_output", None)
    if quantizes is None:
        return None
    return own.QuantizeOutput() if quantizes else own.KeepScale()


@contextmanager
def _legacy_config(model: Any) -> Iterator[None]:
    """Restore Keras' switch for the older configuration format, which tfmot sets and does not reset."""
    before = getattr(model, "use_legacy_config", False)
    try:
        yield
    finally:
        model.use_legacy_config = before


def _wrapper(plan: Plan, registry: Any) -> Callable[[Any], Any]:
    def wrap(layer: Any) -> Any:
        if isinstance(layer, QuantizeLayer):
            # A concatenation may remove the range of the input only when nothing else follows the input.
            changes = plan.get(layer.name, {}) if len(layer.outbound_nodes) <= 1 else {}
            return QuantizeLayer.from_config(layer.get_config() | changes)
        return QuantizeWrapper(layer, _config(layer, plan, registry))

    return wrap
