"""Read a Keras model file as what it is: a program somebody else wrote.

Unless trusted, a file may name layers and pure tensor functions only (``edge.deploy.untrusted``); the layers of
the zoo and the wrappers of quantization-aware training are known.
"""

import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

from edge.deploy import quantized
from edge.deploy._tensorflow import need
from edge.deploy.untrusted import check_config
from edge.errors import FileError, InputError
from edge.files import ZIP_DAMAGE

KERAS_SUFFIXES = (".keras", ".h5")

_OWN = re.compile(r"\bedge>(\w+)")
"""How a file names a layer of ours."""

_DAMAGE = (*ZIP_DAMAGE, OSError, KeyError, TypeError, RecursionError)
_UNFIT = (ValueError, TypeError, AttributeError, IndexError, AssertionError, RuntimeError)
"""What Keras stumbles over in a description that is not one; RuntimeError covers nesting without end."""


def load_keras(path: Path, trust: bool = False) -> Any:
    """Return the Keras model in ``path`` (.keras of Keras 2 or 3, .h5).

    trust: allow Lambda layers and functions of any name, which run code from the file. Raises FileError when
    the file is missing or damaged, InputError when it needs what is not known here.
    """
    if not path.is_file():
        raise FileError(f"model {path} does not exist")
    if path.suffix not in KERAS_SUFFIXES:
        raise InputError(f"a Keras model is a {' or '.join(KERAS_SUFFIXES)} file, got {path.name}")
    try:
        config = _config(path)
        if not trust:
            check_config(config, path)
        keras = need("keras" if _is_keras3(path) else "tf_keras")
    except InputError:
        raise
    except _DAMAGE as error:
        raise FileError(f"model {path} is not a readable Keras file: {_first_line(error)}") from error
    return _load(keras, path, trust, set(_OWN.findall(json.dumps(config))))


def _load(keras: Any, path: Path, trust: bool, own: set[str]) -> Any:
    safety = {"safe_mode": not trust} if path.suffix == ".keras" else {}
    try:
        with quantized.scope(own):
            return keras.models.load_model(path, compile=False, **safety)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise FileError(f"model {path} is not a readable Keras file: {_first_line(error)}") from error
    except (*_UNFIT, need("tensorflow").errors.OpError) as error:
        raise InputError(f"model {path} cannot be loaded: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _config(path: Path) -> Any:
    """Return the network's description in the file, without building anything."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    with need("h5py").File(path, "r") as file:
        return json.loads(file.attrs.get("model_config", "{}"))


def _is_keras3(path: Path) -> bool:
    """Keras 3 writes its version into metadata.json; Keras 2 files are read by tf_keras."""
    if path.suffix != ".keras":
        return False
    with zipfile.ZipFile(path) as archive:
        if "metadata.json" not in archive.namelist():
            return False
        metadata = json.loads(archive.read("metadata.json"))
    return isinstance(metadata, dict) and str(metadata.get("keras_version")).startswith("3")
