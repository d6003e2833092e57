"""Start a network from the weights of another one: the same network, or one with another classifier."""

from typing import Any

from edge.errors import InputError


def start_from(model: Any, trained: Any) -> Any:
    """Copy weights to the layers of the same name and shapes, and return ``model``.

    Layers that only ``model`` has, or that have other shapes, such as the classifier for another number of classes,
    keep their initial values.

    Args:
        model: the network to start.
        trained: the network that has the weights.

    Raises:
        InputError: fewer than half of the layers with weights fit, so it is another network.
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
