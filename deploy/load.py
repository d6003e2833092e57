"""Read a Keras model file as what it is: a program somebody else wrote.

Keras 2 files are opened with their Lambda layers refused unless trusted; the layers of the zoo and the
wrappers of quantization-aware training are known.
"""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from edge.deploy._tensorflow import need
from edge.deploy.compress import qat
from edge.errors import FileProblem, InvalidInput

KERAS_SUFFIXES = (".keras", ".h5")


def load_keras(path: Path, trust: bool = False) -> Any:
    """Return the Keras model in ``path`` (.keras of Keras 2 or 3, .h5).

    trust: allow Lambda layers, which run code from the file. Raises FileProblem when the file is missing or
    damaged, InvalidInput when it needs what is not known here.
    """
    if not path.is_file():
        raise FileProblem(f"model {path} does not exist")
    if path.suffix not in KERAS_SUFFIXES:
        raise InvalidInput(f"a Keras model is a {' or '.join(KERAS_SUFFIXES)} file, got {path.name}")
    if not trust:
        _refuse_code(path)
    keras = need("keras") if _is_keras3(path) else need("tf_keras")
    try:
        with qat.scope():
            return (
                keras.models.load_model(path, compile=False, safe_mode=not trust)
                if path.suffix == ".keras"
                else (keras.models.load_model(path, compile=False))
            )
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FileProblem(f"model {path} is not a readable Keras file: {_first_line(error)}") from error
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"model {path} cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _config(path: Path) -> Any:
    """Return the network's description in the file, without building anything."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        h5py = need("h5py")
        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config", "{}")
            return json.loads(config)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise FileProblem(f"model {path} is not a readable Keras file: {_first_line(error)}") from error


def _refuse_code(path: Path) -> None:
    """Refuse layers that carry Python code: Keras' own check covers .keras files only."""
    for name in _class_names(_config(path)):
        if name.split(">")[-1] in ("Lambda", "__lambda__"):
            raise InvalidInput(
                f"model {path} has a Lambda layer, which runs code from the file; add --trust to allow it"
            )


def _class_names(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["class_name"])] if "class_name" in node else []
        return own + [name for value in node.values() for name in _class_names(value)]
    if isinstance(node, list):
        return [name for value in node for name in _class_names(value)]
    return []


def _is_keras3(path: Path) -> bool:
    """Keras 3 writes its version into metadata.json; Keras 2 files are read by tf_keras."""
    if path.suffix != ".keras":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"]).startswith("3")
    except (KeyError, ValueError):
        return False
