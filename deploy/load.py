"""``load_keras`` loads a Keras model file safely. A model file is a program, and may come from anybody.

A file that is not trusted may contain only layers and pure tensor functions (``edge.deploy.untrusted``). The layers of
this project and the wrappers of quantization-aware training and pruning are allowed.
"""

import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.deploy import hdf5_operations, keras_file, quantized
from edge.deploy._tensorflow import need
from edge.deploy.keras_file import FROM_A_FUNCTION, KerasFile
from edge.deploy.untrusted import check_config
from edge.errors import FileError, InputError
from edge.files import ZIP_DAMAGE

_OWN = re.compile(r"\bedge>(\w+)")
"""The registered name of a layer of this project in a file."""

_DAMAGE = (*ZIP_DAMAGE, OSError, KeyError, TypeError, RecursionError)
"""What a damaged file raises while its configuration is read."""

_UNFIT = (ValueError, TypeError, AttributeError, IndexError, AssertionError, RuntimeError)
"""What Keras raises for an invalid configuration. RuntimeError includes RecursionError."""

_UNKNOWN = (
    re.compile(r"Could not locate (?:class|function) '([^']+)'"),
    re.compile(r"Unknown [\w ]+: '?([\w.>]+)'?"),
)
"""How Keras 3 and Keras 2 name a class or function that they do not know."""

_FOREIGN_CODE = ("bad marshal data", "EOF read where", "marshal data too short")
"""What Python says of a Lambda layer whose code another Python wrote."""

QUANTIZATION = "Quantize"
"""What the names of tfmot's wrappers and configurations for quantization-aware training begin with."""

PRUNING = "PruneLowMagnitude"
"""The wrapper that tfmot's pruning leaves around layers."""


def load_keras(path: Path, trust: bool = False) -> Any:
    """Load a Keras model. The content of the file decides its format, not its suffix.

    Args:
        path: a .keras file of Keras 2 or 3, or an HDF5 file of either.
        trust: whether Lambda layers and functions of any name, which run code from the file, are allowed.

    Returns:
        The model, not compiled, in float32 and without pruning wrappers: of ``keras`` for a file of Keras 3, of
        ``tf_keras`` for others.

    Raises:
        FileError: the file is missing, damaged or no Keras file.
        InputError: the file holds weights only, contains what is not allowed, or needs an unknown layer.
    """
    if not path.is_file():
        raise FileError(f"model {path} does not exist")
    if not keras_file.is_keras(path):
        raise InputError(f"a Keras model is a {', '.join(keras_file.SUFFIXES)} file, got {path.name}")
    with _readable(path):
        file = keras_file.read(path)
        if not trust:
            check_config(file.config, path)
        keras = need("keras" if file.keras3 else "tf_keras")
    return _load(keras, file, trust)


def names_any(path: Path, words: Sequence[str]) -> bool:
    """Return whether the configuration in a Keras file has one of these words. TensorFlow is not imported.

    Raises:
        FileError: it is damaged.
        InputError: it holds weights only.
    """
    with _readable(path):
        text = keras_file.read(path).text
    return any(word in text for word in words)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into a FileError."""
    try:
        yield
    except (InputError, FileError):
        raise
    except _DAMAGE as error:
        raise FileError(f"model {path} is not a readable Keras file: {_first_line(error)}") from error


def _load(keras: Any, file: KerasFile, trust: bool) -> Any:
    safety = {"safe_mode": not trust} if file.suffix == ".keras" or file.keras3 else {}
    try:
        if hdf5_operations.has_operations(file):
            with _scope(file):
                return _finished(keras, hdf5_operations.with_operations(file), file)
        with _scope(file), file.named() as path:
            return _finished(keras, keras.models.load_model(path, compile=False, **safety), file)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        if _is_foreign_code(error):
            raise _foreign_code(file.path) from error
        raise FileError(f"model {file.path} is not a readable Keras file: {_first_line(error)}") from error
    except (*_UNFIT, need("tensorflow").errors.OpError) as error:
        raise _refusal(file.path, error) from error


@contextmanager
def _scope(file: KerasFile) -> Iterator[None]:
    """Register what the file may name: our layers that it names as ours, and the wrappers of tfmot."""
    named = set(_OWN.findall(file.text))
    # Importing tfmot takes a third of the time that TensorFlow takes.
    with (
        quantized.scope(named)
        if QUANTIZATION in file.text
        else need("tf_keras").utils.custom_object_scope(quantized.layers_of(named))
    ):
        if PRUNING not in file.text:
            yield
            return
        with need("tensorflow_model_optimization").sparsity.keras.prune_scope():
            yield


def _finished(keras: Any, model: Any, file: KerasFile) -> Any:
    """Return the network that devices run: without pruning wrappers, and in float32."""
    if PRUNING in file.text:
        model = need("tensorflow_model_optimization").sparsity.keras.strip_pruning(model)
    if not any(policy in file.text for policy in ("float16", "bfloat16")):
        return model
    single = type(model).from_config(_in_float32(model.get_config()))
    single.set_weights([weight.astype("float32") for weight in model.get_weights()])
    return single


def _in_float32(config: Any) -> Any:
    """Return a configuration with the policies and dtypes of 16 bits replaced by float32."""
    if isinstance(config, dict):
        return {key: _in_float32(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_in_float32(value) for value in config)
    halves = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
    return "float32" if isinstance(config, str) and config in halves else config


def _refusal(path: Path, error: Exception) -> InputError:
    """Return the one line that says why Keras did not load a file; the cause may be inside a longer message."""
    if _is_foreign_code(error):
        return _foreign_code(path)
    for pattern in _UNKNOWN:
        if found := pattern.search(_whole(error)):
            return InputError(
                f"model {path} needs {found[1].split('>')[-1]!r}, a layer or function that is not part of Keras: "
                f"build the network without it, {FROM_A_FUNCTION}"
            )
    return InputError(f"model {path} cannot be loaded: {_first_line(error)}")


def _is_foreign_code(error: BaseException) -> bool:
    return any(sign in _whole(error) for sign in _FOREIGN_CODE)


def _foreign_code(path: Path) -> InputError:
    return InputError(
        f"model {path} has a Lambda layer whose code another Python than {sys.version_info[0]}.{sys.version_info[1]} "
        f"wrote; convert with that Python, {FROM_A_FUNCTION}"
    )


def _whole(error: BaseException | None) -> str:
    """Return the messages of an error and of what caused it."""
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
