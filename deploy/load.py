"""``load_keras`` loads a Keras model file safely. A model file is a program, and may come from anybody.

A file that is not trusted may contain only layers and pure tensor functions (``edge.deploy.untrusted``). The layers of
this project and the wrappers of quantization-aware training are allowed.
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
"""The registered name of a layer of this project in a file."""

_DAMAGE = (*ZIP_DAMAGE, OSError, KeyError, TypeError, RecursionError)
"""What a damaged file raises while its configuration is read."""

_UNFIT = (ValueError, TypeError, AttributeError, IndexError, AssertionError, RuntimeError)
"""What Keras raises for an invalid configuration. RuntimeError includes RecursionError."""


def load_keras(path: Path, trust: bool = False) -> Any:
    """Load a Keras model.

    Args:
        path: a .keras file of Keras 2 or 3, or an .h5 file.
        trust: whether Lambda layers and functions of any name, which run code from the file, are allowed.

    Returns:
        The model, not compiled: of ``keras`` for a file of Keras 3, of ``tf_keras`` for others.

    Raises:
        FileError: the file is missing or damaged.
        InputError: the file has another suffix, contains what is not allowed, or needs an unknown layer.
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
    """Return the configuration in the file. No layer is built."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json"))
    with need("h5py").File(path, "r") as file:
        return json.loads(file.attrs.get("model_config", "{}"))


def _is_keras3(path: Path) -> bool:
    """Return whether Keras 3 wrote the file: its version is in metadata.json."""
    if path.suffix != ".keras":
        return False
    with zipfile.ZipFile(path) as archive:
        if "metadata.json" not in archive.namelist():
            return False
        metadata = json.loads(archive.read("metadata.json"))
    return isinstance(metadata, dict) and str(metadata.get("keras_version")).startswith("3")
