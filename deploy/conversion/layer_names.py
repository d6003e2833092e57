"""The operations of a traced Keras 3 model are named after its layers, as users know them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.deploy._tensorflow import need

OPENS = "_open_name_scope"
"""The method of a Keras 3 layer that opens its scope of names."""


@contextmanager
def named_after_layers(model: Any) -> Iterator[None]:
    """Let the scopes of a Keras 3 model be the names of its layers during the body. Keras 2 names them so itself.

    Keras 3 opens the scope of a layer twice, and TensorFlow numbers the second one. The operations of ``conv2d`` would
    then be those of ``conv2d_1``, which is the name of the next layer.
    """
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, OPENS)]
    for layer in layers:
        vars(layer)[OPENS] = _opening(layer)  # setattr would track it as a part of the layer
    try:
        yield
    finally:
        for layer in layers:
            del vars(layer)[OPENS]


def _opening(layer: Any) -> Callable[[], Any]:
    """Return what opens a layer's scope, which TensorFlow enters again where it was open before."""
    opens, tf = getattr(layer, OPENS), need("tensorflow")

    def opened() -> Any:
        scope, outer = opens(), tf.get_current_name_scope()
        scope._tf_name_scope = tf.name_scope(f"{outer}/{layer.name}/" if outer else f"{layer.name}/")
        return scope

    return opened
