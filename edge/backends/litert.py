"""LiteRT (package ai-edge-litert): the TFLite interpreter that Google maintains, and the default for ``.tflite``."""

from pathlib import Path

from edge.backends import _tflite
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions


class LiteRT(Backend):
    """It runs ``.tflite`` files on the CPU, through XNNPACK."""

    name = "litert"
    formats = (".tflite",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend."""
        from ai_edge_litert.interpreter import Interpreter

        return _tflite.open_model(Interpreter, path, options)

    def version(self) -> str:
        """See Backend."""
        from importlib import metadata

        return f"ai-edge-litert {metadata.version('ai-edge-litert')}"
