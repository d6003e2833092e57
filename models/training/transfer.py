"""Start a network from another one's weights: the same network on, or all but its classifier for other classes."""

from typing import Any

from edge.errors import InputError


def start_from(model: Any, trained: Any) -> Any:
    """Copy weights by layer name wherever every shape is the same; return ``model``.

    Layers that only ``model`` has, or that have other shapes (the classifier, for another number of classes), keep
    their initial values. Raises InputError when fewer than half of the layers with weights fit: another network.
    """
    source = {layer.name: layer.get_weights() for layer in trained.layers}
    weighted = [layer for layer in model.layers if layer.weights]
    fitting = [layer for layer in weighted if _shapes(layer.get_weights()) == _shapes(source.get(layer.name, []))]
    if 2 * len(fitting) < len(weighted):
        raise InputError(
            f"--weights must be of the same network and width as {model.name}: "
            f"{len(fitting)} of its {len(weighted)} layers with weights fit"
        )
    for layer in fitting:
        layer.set_weights(source[layer.name])
    return model


def _shapes(weights: list[Any]) -> list[tuple[int, ...]]:
    return [value.shape for value in weights]
