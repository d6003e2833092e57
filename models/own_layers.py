"""The layers and initializers of our own, wherever they are defined: what a saved model may name as ``edge>…``."""

import importlib
from typing import Any

import tf_keras as keras

MODULES = (
    "edge.models.layers",
    "edge.models.conv3d",
    "edge.models.families.mobilefacenet",
    "edge.models.families.mobilevit",
    "edge.models.heads.arcface",
    "edge.models.heads.fcn",
)
"""Every module that registers what a network is made of; a test compares the list with the files."""

PACKAGE = "edge"


def own_layers() -> dict[str, Any]:
    """Return the registered classes by their plain names; importing their modules registers them."""
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, MODULES):
        for name, value in vars(module).items():
            if isinstance(value, type) and keras.utils.get_registered_name(value) == f"{PACKAGE}>{name}":
                found[name] = value
    return found
