"""``with_operations`` loads HDF5 files of Keras 3 whose network has operations between its layers, such as ``x / 255``.

Keras 3 writes such a network, and ``preprocess_input`` of ``keras.applications`` makes one, but it cannot read the file
again: the file names a class of ``keras.ops`` without its module, and indices such as ``x[..., ::-1]`` are decoded
twice.
"""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy.keras_file import KerasFile

_MODELS = {"Functional": "Model", "Model": "Model", "Sequential": "Sequential"}


def has_operations(file: KerasFile) -> bool:
    """Return whether a file is an HDF5 file of Keras 3 with operations between its layers."""
    known = file.keras3 and file.suffix == ".h5" and file.config.get("class_name") in _MODELS
    return known and any(True for _ in _operations(file.config))


def with_operations(file: KerasFile) -> Any:
    """Return the network of a file for which ``has_operations`` is true, with its weights."""
    keras, config = need("keras"), copy.deepcopy(file.config)
    for node in _operations(config):
        node |= {"module": _modules()[node["class_name"]], "registered_name": node["class_name"]}
    model = getattr(keras, _MODELS[config["class_name"]]).from_config(config["config"])
    with file.named() as path:
        model.load_weights(path)
    return model


def _operations(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a network that are operations."""
    stack = [config]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if _is_operation(node):
                yield node
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _is_operation(node: dict[str, Any]) -> bool:
    """Return whether a part of a configuration is an operation: unlike a layer, it does not say if it is trainable."""
    inner = node.get("config")
    if "inbound_nodes" not in node or "module" in node or not isinstance(inner, dict):
        return False
    return not {"trainable", "layers"} & set(inner) and node.get("class_name") in _modules()


@cache
def _modules() -> dict[str, str]:
    """Return the module of each class of ``keras.ops`` by the class's name."""
    found, waiting = dict[str, str](), [need("keras").Operation]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.startswith("keras.src.ops."):
                found[kind.__name__] = kind.__module__
    return found
