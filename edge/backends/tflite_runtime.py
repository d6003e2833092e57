"""tflite_runtime, the interpreter before LiteRT. Its last release, 2.14, is for Python up to 3.11 and numpy below 2.

It is the only one with wheels for 32-bit ARM, and it runs the files that today's converter writes.
"""

from pathlib import Path

import numpy as np

from edge.backends import _tflite
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import MissingExtra


class TFLiteRuntime(Backend):
    """It runs ``.tflite`` files on the CPU."""

    name = "tflite_runtime"
    formats = (".tflite",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend.

        Raises:
            MissingExtra: numpy is 2 or newer, which its binary cannot use.
        """
        if int(np.__version__.split(".")[0]) >= 2:
            raise MissingExtra(
                f"backend 'tflite_runtime' needs numpy below 2, {np.__version__} is installed: "
                "pip install 'edgekit[tflite-runtime]', or use the litert backend"
            )
        from tflite_runtime.interpreter import Interpreter

        return _tflite.open_model(Interpreter, path, options)

    def version(self) -> str:
        """See Backend."""
        from importlib import metadata

        return f"tflite-runtime {metadata.version('tflite-runtime')}"
