"""What can be refused before TensorFlow is imported, which takes many seconds, is refused by ``check``.

The options are looked at first, then the kind of the model. A .tflite or .onnx file is opened, too, which takes no
TensorFlow: it shows its inputs, its outputs and what they mean.
"""

from pathlib import Path

from edge.deploy import keras_file, network_meaning, plan
from edge.deploy.conversion import float_onnx, float_tflite
from edge.deploy.conversion import recipe as recipes
from edge.deploy.conversion.file_precision import file_precision
from edge.deploy.conversion.source import FINISHED_SUFFIXES, FROZEN_SUFFIX, check_kind, open_source
from edge.deploy.conversion_options import ConversionOptions
from edge.deploy.explain import of_integers, of_onnx, request
from edge.deploy.load import QUANTIZATION, names_any
from edge.deploy.placement_report import graph
from edge.deploy.samples import arrays
from edge.errors import EdgeError, FileError, InputError
from edge.imaging import InputFormat


def check(model: str, options: ConversionOptions) -> None:
    """Check what a conversion is asked for.

    Args:
        model: the model, as ``open_source`` takes it.
        options: the options of the conversion.

    Raises:
        FileError: the model or a data set does not exist or cannot be read.
        InputError: the model or an option cannot be used, or options do not go together.
    """
    check_kind(model, (options.inputs, options.outputs))
    plan.check_free(options.out)
    plan.check_finished(model, options)
    plan.check_names(options)
    plain = InputFormat()
    InputFormat(
        mean=options.pixels.mean or plain.mean, std=options.pixels.std or plain.std
    )  # raises for absurd numbers
    for path in options.data:
        if not path.exists():
            raise FileError(f"{path} does not exist; expected samples for the network")
        if path.is_dir() and not any(one.is_file() for one in path.rglob("*")):
            raise InputError(f"folder {path} has no files; expected samples for the network")
    finished = Path(model).suffix in FINISHED_SUFFIXES and Path(model).is_file()
    if options.explain and finished:
        _check_explained(Path(model), options)
    if not _is_told_later(model):
        if options.explain and not plan.wants_int8(options):
            raise request.without_int8(options)
        plan.check_calibrated(options)
    if finished:
        _check_finished(model, options)


def _check_explained(path: Path, options: ConversionOptions) -> None:
    """Refuse a file without a float network. One that becomes a .tflite file first is left to who opens that."""
    if path.suffix == ".onnx" and (options.tflite or options.target):
        return
    if path.suffix == ".onnx":
        raise request.of_file(of_onnx(path.name))
    if _has_integers(path):
        raise request.of_file(of_integers(path.name))


OPENED_FIRST = (QUANTIZATION, "GRU", "LSTM", "RNN")
"""Words in the configuration of a Keras model that may need no samples, or that they may not help."""

LOOPS = (*float_tflite.RECURRENT, "WHILE", "IF", "CUSTOM")
"""Operations of a float .tflite file that becomes no int8 file, for a reason that is said when it is opened."""


def _is_told_later(model: str) -> bool:
    """Return whether only the opened model tells if it becomes int8 by samples, and not by itself or not at all."""
    path = Path(model)
    if path.suffix == ".onnx" and path.is_file():
        try:
            return file_precision(path) in recipes.CALIBRATED or bool(float_onnx.refusal(path))
        except InputError:  # sizes that are open until --input-shape or the file's metadata is read
            return True
    if path.suffix == ".tflite" and path.is_file():
        return _has_integers(path, LOOPS)
    if path.is_file() and keras_file.is_keras(path):
        return names_any(path, OPENED_FIRST)
    return not path.is_dir() and path.suffix != FROZEN_SUFFIX


def _has_integers(path: Path, also: tuple[str, ...] = ()) -> bool:
    """Return whether a .tflite file computes integers of 8 or 16 bits, or has one of the operations ``also``."""
    try:
        operations = graph.read(path).operations
    except EdgeError:
        return False  # whoever opens it says what is wrong
    whole = ("int8", "uint8", "int16")
    return any(one.name in also or any(t.dtype in whole for t in one.activations) for one in operations)


def _check_finished(model: str, options: ConversionOptions) -> None:
    """Check the arrays of the samples, and what the outputs mean, unless the file becomes another one first."""
    source = open_source(model, options.trust, options.signature, options.shapes, (options.inputs, options.outputs))
    arrays.check_names(options.data, source.inputs)
    if Path(model).suffix == ".onnx" and (options.tflite or options.target):
        return
    network_meaning.network_of(options, source, Path(), lambda line: None)
