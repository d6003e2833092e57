"""``open_source`` opens whatever ``edge-convert`` accepts as MODEL, and returns it in one form, a ``SourceModel``."""

import importlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from edge.deploy import keras_file, quantized, training_loss
from edge.deploy.conversion import freeze, input_shapes, naming, onnx_source
from edge.deploy.conversion.background import without_background
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.freeze import Frozen, freeze_keras
from edge.deploy.conversion.frozen_graph import open_frozen_graph
from edge.deploy.conversion.input_shapes import Shapes
from edge.deploy.conversion.pixel_scale import takes_pixels
from edge.deploy.conversion.published_pixels import PublishedPixels, published_pixels
from edge.deploy.conversion.reference import FileReference, FunctionReference, Reference
from edge.deploy.conversion.saved_model import Saved, open_saved_model
from edge.deploy.keras_file import is_keras, model_in, refuse_pointer
from edge.deploy.load import load_keras
from edge.errors import FileError, InputError, unknown_name
from edge.private_folders import PrivateFolder
from edge.tensors import TensorSpec

ZOO = "zoo:"
FINISHED_SUFFIXES = (".tflite", ".onnx")
FROZEN_SUFFIX = ".pb"

PYTORCH = 'write an .onnx file from PyTorch: torch.onnx.export(network.eval(), sample, "model.onnx")'
"""What to do with a file of PyTorch, which holds weights and the names of classes, and no network."""

NUMBERED = re.compile(r"(sequential|functional|model)(_\d+)?")
"""Names that Keras gives to networks without a name. They count the networks of a session and say nothing."""

Border = tuple[Sequence[str], Sequence[str]]
"""The names of the inputs and of the outputs; without names they are found."""
NO_NAMES: Border = ((), ())


@dataclass(frozen=True)
class SourceModel:
    """A network to convert.

    Attributes:
        name: the name for the bundle.
        inputs: the inputs, with batch size 1. Those of a .tflite or .onnx file may be quantized.
        outputs: the outputs, with batch size 1.
        reference: runs the model; converted files are compared with its outputs.
        frozen: the frozen graph. None for a .tflite or .onnx file.
        file: the .tflite or .onnx file. None for other models.
        quantize_aware: whether the graph contains int8 ranges.
        record: the content of ``train.json`` beside the model. None when there is none.
        labels: the label file of released weights. None for other models.
        folder: the folder of the model's file. None when there is no file.
        stem: the name of the model's file without its suffix. Empty when there is no file.
        network: the name in ``edge.models.networks`` for a network of the zoo. None for others.
        trained: whether the weights are trained. False for a network of the zoo without released weights.
        loss: the name of the loss that a Keras file states, see ``edge.deploy.training_loss``. Empty for other models.
        rescales: whether the network scales pixels from 0 to 255 itself, see ``pixel_scale``.
        temporary: the private folder of ``file``, which goes with this object. None for the user's own file.
        reencoded: whether ``file`` holds the model's own integers in another type, see ``legacy_uint8``.
        published: how a network of ``keras.applications`` takes pixels, see ``published_pixels``. None for others.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    reference: Reference
    frozen: Frozen | None = None
    file: Path | None = None
    quantize_aware: bool = False
    record: Mapping[str, Any] | None = None
    labels: Path | None = None
    folder: Path | None = None
    stem: str = ""
    network: str | None = None
    trained: bool = True
    loss: str = ""
    rescales: bool = False
    temporary: object = None
    reencoded: bool = False
    published: PublishedPixels | None = None

    @cached_property
    def precision(self) -> str:
        """The precision of ``file``, see ``file_precision``. Empty for other models."""
        return file_precision(self.file) if self.file else ""


def open_source(
    model: Any,
    trust: bool = False,
    signature: str | None = None,
    shapes: Shapes | None = None,
    border: Border = NO_NAMES,
) -> SourceModel:
    """Open a model.

    Args:
        model: a .keras, .h5, .tflite, .onnx or .pb file, a SavedModel folder, ``zoo:NAME`` or
            ``package.module:function``; or a Keras model.
        trust: whether layers with code, and operations that access files, are allowed.
        signature: the name of the function of a SavedModel. None takes the default.
        shapes: the shapes of inputs whose sizes the model leaves open.
        border: the names of the inputs and outputs of a frozen graph.

    Raises:
        FileError: the model does not exist or is damaged.
        InputError: the model cannot be converted.
    """
    if not isinstance(model, str | Path):
        return replace(_keras(model, None, shapes), loss=training_loss.name_of(training_loss.in_memory(model)))
    text = str(model)
    check_kind(text, border)
    if text.startswith(ZOO):
        return _zoo(text.removeprefix(ZOO), shapes)
    path = Path(text)
    if _names_function(text):
        return _function(text, shapes)
    if path.is_dir():
        return _saved_model(path, trust, signature, shapes)
    if path.suffix not in FINISHED_SUFFIXES and is_keras(path):
        source = _keras(load_keras(path, trust), _record(path), shapes)
        name = path.stem if NUMBERED.fullmatch(source.name) else source.name
        loss = training_loss.name_of(keras_file.read(path).loss)
        return replace(source, name=name, folder=path.parent, stem=path.stem, loss=loss)
    if path.suffix == FROZEN_SUFFIX:
        return _function_of_tensors(path, open_frozen_graph(path, trust, *border), shapes)
    if path.suffix == ".onnx":
        return _onnx(path, shapes or {})
    if shapes:
        raise InputError(f"--input-shape is not for .tflite files: convert the model that {path.name} was made from")
    return _file(path)


def check_kind(text: str, border: Border = NO_NAMES) -> None:
    """Check that a model exists and is of a known kind, without TensorFlow, whose import takes seconds.

    Args:
        text: the model, as in ``open_source``.
        border: the names of inputs and outputs, as in ``open_source``.

    Raises:
        FileError: the model does not exist, or is a .tflite or .onnx file that cannot be loaded.
        InputError: the model is of another kind, or the zoo has no network with the name.
    """
    path = Path(text)
    if any(border) and path.suffix != FROZEN_SUFFIX:
        raise InputError(f"--inputs and --outputs are for a frozen graph, a {FROZEN_SUFFIX} file; got {text}")
    if text.startswith(ZOO):
        _check_zoo(text.removeprefix(ZOO))
    elif path.is_dir():
        _check_saved_model(path)
    elif path.is_file() and path.suffix in FINISHED_SUFFIXES:
        refuse_pointer(path)
        if path.suffix == ".onnx":
            onnx_source.check_weights(path)
        elif path.suffix == ".tflite":
            FileReference(path)
    elif not path.is_file() and not _names_function(text):
        raise FileError(f"model {path} does not exist")
    elif path.is_file() and (is_keras(path) or path.suffix == FROZEN_SUFFIX):
        refuse_pointer(path)
    elif path.is_file():
        advice = f"; {PYTORCH}" if path.suffix in (".pt", ".pth") else ""
        raise InputError(
            "MODEL must be .keras, .h5, a SavedModel folder, .tflite, .onnx, .pb, zoo:NAME or "
            f"package.module:function, got {text}{advice}"
        )


def _names_function(text: str) -> bool:
    return not Path(text).exists() and ":" in text and "/" not in text


def _check_zoo(name: str) -> None:
    from edge.models.registry import available
    from edge.models.weights import released

    known = sorted({*released(), *available()})
    if name not in known:
        raise unknown_name("model", name, known)


def _check_saved_model(path: Path) -> None:
    if not (path / "saved_model.pb").is_file():
        raise InputError(f"{path} is a folder without saved_model.pb{model_in(path) or '; expected a SavedModel'}")


def _keras(model: Any, record: Mapping[str, Any] | None, shapes: Shapes | None = None) -> SourceModel:
    def call(tensors: Mapping[str, Any]) -> dict[str, Any]:
        outputs = freeze.call_keras(model, tensors)
        return dict(zip(freeze.keras_outputs(model, outputs), (leaf for _, leaf in naming.flat(outputs)), strict=True))

    model, record = without_background(model, record)
    frozen = freeze_keras(model, shapes)
    inputs = {name: _of_any_batch(spec) for name, spec in freeze.keras_inputs(model).items()}
    inputs = input_shapes.apply(inputs, shapes or {})
    source = _traced(str(model.name), frozen, FunctionReference(partial(_with_unread, call, inputs)))
    return replace(source, quantize_aware=quantized.is_quantize_aware(model), record=record)


def _of_any_batch(spec: Any) -> Any:
    return type(spec)((None, *spec.shape[1:]) if spec.shape.rank else spec.shape, spec.dtype, spec.name)


def _traced(name: str, frozen: Frozen, reference: Reference) -> SourceModel:
    entries = [tensor.op.name for tensor in frozen.inputs.values()]
    return SourceModel(
        name, frozen.input_specs, frozen.output_specs, reference, frozen=frozen,
        rescales=takes_pixels(frozen.graph, entries), published=published_pixels(frozen.graph, entries),
    )  # fmt: skip


def _record(path: Path) -> dict[str, Any] | None:
    beside = path.with_name("train.json")
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _zoo(name: str, shapes: Shapes | None) -> SourceModel:
    from edge.models import build
    from edge.models.weights import path_of, released

    if name in released():
        path, row = path_of(name), released()[name]
        return replace(
            _keras(load_keras(path), row, shapes), labels=path.with_suffix(".txt"), network=row.get("network")
        )
    return replace(_keras(build(name), None, shapes), trained=False, network=name)


def _function(text: str, shapes: Shapes | None) -> SourceModel:
    """Import and call ``package.module:function``. The user allows it to run by naming it."""
    module, _, attribute = text.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # an installed command does not search the current folder
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{text} cannot be imported: {error}; expected package.module:function") from error
    model = function()
    if not hasattr(model, "inputs"):
        raise InputError(f"{text}() must return a Keras model, got {type(model).__name__}")
    return _keras(model, None, shapes)


def _saved_model(path: Path, trust: bool, signature: str | None, shapes: Shapes | None) -> SourceModel:
    return replace(_function_of_tensors(path, open_saved_model(path, trust, signature), shapes), folder=path)


def _function_of_tensors(path: Path, saved: Saved, shapes: Shapes | None) -> SourceModel:
    if shapes:
        saved = replace(saved, inputs=input_shapes.apply(saved.inputs, shapes))
    frozen = saved.freeze()
    batch = saved.batch or (1 if all(spec.shape[0] == 1 for spec in saved.inputs.values()) else None)
    reference = FunctionReference(partial(_with_unread, saved.call, saved.inputs), batch)
    return replace(_traced(path.stem, frozen, reference), folder=path.parent, stem=path.stem, record=_record(path))


def _with_unread(call: Any, inputs: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Run a function with zeros for the inputs that the frozen network does not have, because it never reads them."""
    from edge.deploy._tensorflow import need

    tf = need("tensorflow")
    count = tf.shape(next(iter(tensors.values())))[0]
    given = dict(tensors)
    for name, spec in inputs.items():
        if name not in given:
            given[name] = tf.zeros((count, *spec.shape[1:]), spec.dtype)
        given[name] = tf.ensure_shape(given[name], spec.shape)
    return dict(call(given))


def _onnx(path: Path, shapes: Shapes) -> SourceModel:
    """Return the source of an .onnx file, or of a copy in a private folder with fixed sizes and its weights inside."""
    content = onnx_source.whole(path, shapes)
    if content is None:
        return _file(path)
    folder = PrivateFolder("onnx")
    copy = folder.path / path.name
    copy.write_bytes(content)
    return replace(_file(copy), record=_record(path), folder=path.parent, temporary=folder)


def _file(path: Path) -> SourceModel:
    """Return the source of a .tflite or .onnx file, which is its own reference."""
    reference = FileReference(path)
    return SourceModel(
        path.stem, tuple(reference.inputs), tuple(reference.outputs), reference, file=path, record=_record(path),
        folder=path.parent, stem=path.stem,
    )  # fmt: skip
