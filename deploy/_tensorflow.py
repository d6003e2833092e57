"""TensorFlow and its companions, imported in one place, with Keras 2 chosen first.

tfmot binds its process to Keras 2 (``tf_keras``), so this has to be settled before anything imports Keras.
"""

import importlib
import os
from typing import Any

from edge.errors import MissingExtra


def need(module: str) -> Any:
    """Import and return a module of the ``train`` extra. Raises MissingExtra when it is absent."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise MissingExtra(f"this needs {module}, not installed here: pip install 'edgekit[train]'") from error
