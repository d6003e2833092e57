"""What ``edge-convert --explain`` asks for: whether it can be had for a model, and the explanation of a conversion."""

from itertools import islice
from pathlib import Path

from edge.deploy import parity, targets
from edge.deploy.conversion.recipe import Recipe
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion_options import Callbacks, ConversionOptions
from edge.deploy.explain import Subject, explain, without_use
from edge.deploy.explain.explanation import Explanation
from edge.deploy.samples import NetworkInfo, Sample, Samples
from edge.errors import InputError


def fits(options: ConversionOptions, source: SourceModel, recipe: Recipe, callbacks: Callbacks) -> bool:
    """Return whether there is an int8 file with a float network beside it. A QAT model has none, which is reported.

    Raises:
        InputError: the model is a finished file without a float network, or no int8 TFLite file is made.
    """
    why = without_use(source)
    if why and source.file is not None:
        raise of_file(why)
    if "int8" not in recipe.precisions:
        raise without_int8(options)
    if why:
        callbacks.report(f"--explain has no use: {why}")
    return not why


def of_file(why: str) -> InputError:
    """Return the error for a finished file that has no float network."""
    return InputError(f"--explain needs a Keras model, a SavedModel or a float .tflite file: {why}")


def without_int8(options: ConversionOptions) -> InputError:
    """Return the error for a conversion that makes no int8 file."""
    needed = ["give --calibrate DATA"] if options.calibration is None else []
    if options.tflite is not None or options.onnx is not None:
        needed.insert(0, "add int8 to --tflite")
    return InputError(f"--explain is about the int8 file, and none is made: {' and '.join(needed)}")


def explained(
    options: ConversionOptions,
    source: SourceModel,
    calibration: Samples | None,
    network: NetworkInfo,
    folder: Path,
    callbacks: Callbacks,
) -> Explanation | None:
    """Explain the int8 file when that is asked for. It is passed on at once, because the gate may fail afterwards.

    Args:
        options: what is asked for.
        source: the model.
        calibration: the samples that the file was calibrated with.
        network: what the signature says of the network.
        folder: where the conversion has its files.
        callbacks: they get the progress and the explanation.
    """
    if not options.explain or calibration is None:
        return None

    def samples(count: int) -> list[Sample]:
        opened = calibration if options.gate is None else parity.verification_samples(options.gate, network, count)
        return list(islice((sample for sample in opened.read() if sample is not None), count))

    int8_only = options.target is not None and targets.find(options.target).accelerated
    subject = Subject(source, network, folder, options.method, calibration, samples, int8_only)
    found = explain(subject, callbacks.progress)
    callbacks.explained(found)
    return found
