"""What a conversion may do: whether its bundle can be written, which model it reads, and which files it makes."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge import decoders, tasks
from edge.deploy import targets
from edge.deploy.conversion import legacy_uint8, onnx2tf
from edge.deploy.conversion import recipe as recipes
from edge.deploy.conversion.recipe import Recipe
from edge.deploy.conversion.source import SourceModel, open_source
from edge.deploy.conversion_options import Callbacks, ConversionOptions
from edge.errors import FileError, InputError
from edge.recurrent_operations import starts_over


def check_out(out: Path) -> None:
    """Raise an error when ``out`` cannot be written, before the work of minutes begins."""
    check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise FileError(f"cannot write to {out.parent}: {error.strerror or error}") from error


def check_free(out: Path) -> None:
    """Raise an InputError when ``out`` is something else than a bundle. This writes nothing."""
    if out.exists() and out.suffix != ".edge" and not (out / "manifest.json").is_file():
        raise InputError(f"--out {out} exists and is not a bundle; choose another name")
    if out.is_dir() and out.suffix == ".edge":
        raise InputError(
            f"--out {out} is a folder, and a name that ends in .edge stands for a file; choose another name"
        )


def check_finished(model: str, options: ConversionOptions) -> None:
    """Check that a finished file can become what is asked for. This takes no TensorFlow, whose import is slow.

    Raises InputError when there is no program to make a .tflite file of an .onnx file, or no int8 file computes what a
    uint8 file does.
    """
    wanted = bool(options.tflite)
    if options.target and options.tflite is None and options.onnx is None:
        wanted = targets.find(options.target).accelerated
    if model.endswith(".onnx") and wanted:
        onnx2tf.check_installed(Path(model).name)
    if _needs_int8(options, Path(model)):
        legacy_uint8.check(Path(model))


def check_names(options: ConversionOptions) -> None:
    """Raise InputError for an unknown task, decoder, precision, method, dtype, opset or target."""
    if options.target:
        targets.find(options.target)
    if options.task:
        tasks.load(options.task)
    if options.decoder:
        decoders.load(options.decoder)
    listed = options.tflite is not None or options.onnx is not None
    recipe = Recipe(options.tflite or (), options.onnx or ()) if listed else Recipe()
    replace(recipe, method=options.method, io=options.io or recipe.io, opset=options.opset or recipe.opset)


def wants_int8(options: ConversionOptions) -> bool:
    """Return whether an int8 file is asked for, by its name or by calibration samples for all that are possible."""
    if options.tflite is None and options.onnx is None:
        return options.calibration is not None
    return "int8" in (*(options.tflite or ()), *(options.onnx or ()))


def check_calibrated(options: ConversionOptions) -> None:
    """Raise InputError when a file of a model without ranges needs calibration samples, and there are none."""
    if options.calibration is not None:
        return
    listed = (*(options.tflite or ()), *(options.onnx or ()))
    if wanted := [precision for precision in listed if precision in recipes.CALIBRATED]:
        raise InputError(f"{wanted[0]} needs real samples to fit its ranges to: give --calibrate DATA")
    if options.target and not listed and targets.find(options.target).accelerated:
        raise InputError(f"{options.target} runs int8 TFLite files, and none is made: give --calibrate DATA for it")


def opened(model: Any, options: ConversionOptions, callbacks: Callbacks) -> SourceModel:
    """Open the model. An .onnx file of which .tflite files are wanted becomes one first.

    Raises:
        InputError: the model cannot be converted.
        FileError: it does not exist or is damaged.
    """
    source = open_source(model, options.trust, options.signature, options.shapes, (options.inputs, options.outputs))
    if _needs_tflite(options, source):
        source = onnx2tf.as_tflite(source, callbacks.report)
    elif source.file is not None and _needs_int8(options, source.file):
        source = legacy_uint8.as_int8(source, callbacks.report)
    if source.file is not None and starts_over(source.file):
        callbacks.report(
            f"{source.file.name} has recurrent layers that read whole sequences: each run starts them from zero (in "
            "other programs call reset_all_variables() before it)"
        )
    if not source.trained:
        callbacks.report(f"{model} is not trained: its weights are random")
    return source


def _needs_tflite(options: ConversionOptions, source: SourceModel) -> bool:
    """Return whether an .onnx file must first become a .tflite file: it is asked for, or the target runs none else."""
    if source.file is None or source.file.suffix != ".onnx":
        return False
    if options.tflite is not None or options.onnx is not None or options.target is None:
        return bool(options.tflite)
    target = targets.find(options.target)
    return target.accelerated or (onnx2tf.program() is not None and source.precision not in recipes.CALIBRATED)


def _needs_int8(options: ConversionOptions, file: Path) -> bool:
    """Return whether an int8 file is asked for by name, and the model is a file with uint8 weights."""
    return "int8" in (options.tflite or ()) and file.suffix == ".tflite" and legacy_uint8.is_legacy(file)


def recipe_of(options: ConversionOptions, source: SourceModel, callbacks: Callbacks) -> Recipe:
    """Return what to make: the files that the user names, else those of the target, else all that are possible."""
    if options.tflite is not None or options.onnx is not None:
        recipe = Recipe(options.tflite or (), options.onnx or ())
        if options.target:
            recipe = targets.adapted(options.target, recipe, source)
    else:
        if options.calibration and (why := recipes.without_calibration(source)):
            callbacks.report(f"--calibrate has no use: {why}")
        can_calibrate = options.calibration is not None
        if options.target:
            recipe = targets.recipe_for(options.target, source, can_calibrate)
        else:
            recipe = recipes.default_recipe(source, can_calibrate)
            if source.file and (others := _beside(source, source.file, recipe)):
                callbacks.report(others)
    io, opset = options.io or recipe.io, options.opset or recipe.opset
    recipe = replace(recipe, method=options.method, io=io, opset=opset, float_layers=options.float_layers)
    recipes.check(source, recipe)
    if source.frozen is not None and source.frozen.loops and set(recipes.CALIBRATED) & set(recipe.precisions):
        callbacks.report(
            "recurrent layers are unrolled for int8, as a loop has no ranges for the values inside: the file grows "
            "with the steps of a sequence"
        )
    if options.io and not set(recipe.precisions) & set(recipes.CALIBRATED):
        callbacks.report("--io has no use: it is the dtype of inputs and outputs of int8 files, and none is made")
    if options.target:
        callbacks.report(targets.described(options.target, recipe))
    return recipe


def _beside(source: SourceModel, file: Path, recipe: Recipe) -> str:
    """Return the line that says which files a finished one becomes, or an empty text when it is only itself."""
    names = [f"model_{precision}.tflite" for precision in recipe.tflite]
    names += [f"model_{precision}.onnx" for precision in recipe.onnx]
    own = f"model_{source.precision}{file.suffix}"
    others = [name for name in names if name != own]
    if not others:
        return ""
    return (
        f"{file.name} is {source.precision}: it becomes {own} as it is, and {' and '.join(others)} for other runtimes "
        "and precisions; --tflite and --onnx choose"
    )
