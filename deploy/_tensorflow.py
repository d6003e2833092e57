"""``need`` imports TensorFlow and related packages, and selects Keras 2 first.

tfmot needs Keras 2 (``tf_keras``) in the whole process, so Keras 2 must be selected before anything imports Keras.
"""

import importlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.errors import MissingExtra
from edge.quiet import anything, quiet


def need(module: str) -> Any:
    """Import and return a module of the ``train`` extra. Raises MissingExtra when it is absent or cannot be loaded."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet(anything, last_words=True):
            return importlib.import_module(module)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in (
            "",
            module.split(".")[0],
        )
        why = "not installed here" if absent else f"which cannot be imported ({_last_line(error)})"
        raise MissingExtra(f"this needs {module}, {why}: pip install 'edgekit[train]'") from error


def _last_line(error: Exception) -> str:
    """Return the last line of an error: TensorFlow and numpy say there what is wrong, after much advice."""
    return ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1]


@contextmanager
def quiet_conversion() -> Iterator[None]:
    """Suppress log lines and warnings of the converters, such as those on deprecated parts and on delegates."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with quiet(anything, last_words=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
