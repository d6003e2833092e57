"""What ``edge-convert`` accepts as MODEL, brought to one form: a frozen graph or a file, and a reference."""

import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy import quantized
from edge.deploy._tensorflow import need
from edge.deploy.convert.freeze import Frozen, freeze, freeze_keras
from edge.deploy.convert.saved_model import open_saved_model
from edge.deploy.load import KERAS_SUFFIXES, load_keras
from edge.errors import FileError, InputError
from edge.tensors import dequantize, quantize

Floats = NDArray[np.float32]
Reference = Callable[[Floats], Floats]
"""(n, height, width, channels) normalized inputs to (n, classes) outputs, both real values."""


@dataclass(frozen=True)
class SourceModel:
    """name: for the bundle. reference: what candidates are compared with. input_shape: batch 1, NHWC.

    frozen: for models that are still to be converted; file: for those that are already (.tflite, .onnx).
    quantize_aware: whether int8 ranges are in the graph. record: ``train.json`` beside the model, if any.
    labels: the released weights' own label file. trained: False for a network of the zoo without weights.
    """

    name: str
    input_shape: tuple[int, ...]
    classes: int
    reference: Reference
    frozen: Frozen | None = None
    file: Path | None = None
    quantize_aware: bool = False
    record: dict[str, Any] | None = None
    labels: Path | None = None
    trained: bool = True


def open_source(text: str, trust: bool = False) -> SourceModel:
    """Open MODEL: .keras, .h5, a SavedModel folder, .tflite, .onnx, ``zoo:NAME`` or ``package.module:function``."""
    if text.startswith("zoo:"):
        return _zoo(text.removeprefix("zoo:"))
    path = Path(text)
    if not path.exists() and ":" in text and "/" not in text:
        return _function(text)
    if path.is_dir():
        return _saved_model(path, trust)
    if not path.is_file():
        raise FileError(f"model {path} does not exist")
    if path.suffix in KERAS_SUFFIXES:
        return _keras(load_keras(path, trust), _record(path))
    if path.suffix in (".tflite", ".onnx"):
        return _file(path)
    raise InputError(
        "MODEL must be .keras, .h5, a SavedModel folder, .tflite, .onnx, zoo:NAME or package.module:function, "
        f"got {text}"
    )


def _keras(model: Any, record: dict[str, Any] | None) -> SourceModel:
    if len(model.outputs) != 1:
        raise InputError(f"the model must have one output, got {len(model.outputs)}")
    frozen = freeze_keras(model)
    return SourceModel(
        name=str(model.name),
        input_shape=frozen.shape,
        classes=int(model.outputs[0].shape[-1]),
        reference=_batched(lambda x: model(x, training=False)),
        frozen=frozen,
        quantize_aware=quantized.is_quantize_aware(model),
        record=record,
    )


def _batched(call: Callable[[Any], Any], batch: int = 256) -> Reference:
    """Return ``call`` as a compiled function over any number of samples, a batch at a time."""
    compiled = need("tensorflow").function(call, reduce_retracing=True)

    def reference(inputs: Floats) -> Floats:
        parts = [np.asarray(compiled(inputs[at : at + batch])) for at in range(0, len(inputs), batch)]
        return np.concatenate(parts).astype(np.float32)

    return reference


def _record(path: Path) -> dict[str, Any] | None:
    beside = path.with_name("train.json")
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _zoo(name: str) -> SourceModel:
    from edge.models import build
    from edge.models.weights import path_of, released

    if name in released():
        path = path_of(name)
        return replace(_keras(load_keras(path), released()[name]), labels=path.with_suffix(".txt"))
    return replace(_keras(build(name), None), trained=False)


def _function(text: str) -> SourceModel:
    """Import and call ``package.module:function``; naming it is the user's word that it may run."""
    module, _, attribute = text.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # an installed command does not look in the current folder by itself
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{text} cannot be imported: {error}; expected package.module:function") from error
    made = function()
    if not hasattr(made, "inputs"):
        raise InputError(f"{text}() must return a Keras model, got {type(made).__name__}")
    return _keras(made, None)


def _saved_model(path: Path, trust: bool) -> SourceModel:
    if not (path / "saved_model.pb").is_file():
        raise InputError(f"{path} is a folder without saved_model.pb; expected a SavedModel")
    call, shape = open_saved_model(path, trust)
    frozen = freeze(call, shape)
    scores = frozen.outputs[0].shape
    if not scores.rank or scores[-1] is None:
        raise InputError(f"{path} must give a known number of scores, got an output of shape {scores}")
    reference = _batched(call) if shape[0] is None else _one_by_one(call)
    return SourceModel(path.name, frozen.shape, int(scores[-1]), reference, frozen=frozen)


def _one_by_one(call: Callable[[Any], Any]) -> Reference:
    return lambda inputs: np.concatenate([np.asarray(call(x[None])) for x in inputs]).astype(np.float32)


def _file(path: Path) -> SourceModel:
    """A finished file is its own reference."""
    with open_model(path) as model:
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise InputError(
                f"model {path} must have one input and one output, it has {len(model.inputs)} and {len(model.outputs)}"
            )
        shape, classes = model.inputs[0].shape, int(model.outputs[0].shape[-1])
    return SourceModel(path.stem, shape, classes, file_reference(path), file=path, record=_record(path))


def file_reference(path: Path) -> Reference:
    """Return a function that runs a .tflite or .onnx file on real inputs, quantizing at its border."""

    def reference(inputs: Floats) -> Floats:
        with open_model(path) as model:
            entry, out = model.inputs[0], model.outputs[0]
            rows = [dequantize(model.run([quantize(x[None], entry)])[0], out) for x in inputs]
        return np.concatenate(rows)

    return reference
