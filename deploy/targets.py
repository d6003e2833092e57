"""``--target``: what the devices that people have run best, as a table of presets for a conversion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.deploy import edgetpu_compiler
from edge.deploy.conversion.recipe import CALIBRATED, ConvertedArtifact, Recipe, default_recipe, without_calibration
from edge.deploy.conversion.source import SourceModel
from edge.deploy.placement_report import edgetpu
from edge.errors import InputError, unknown_name


@dataclass(frozen=True)
class Target:
    """A device, and the files that it runs best.

    Attributes:
        about: the processor, in words.
        tflite: the precisions of the TFLite files, best first.
        onnx: the precisions of the ONNX files.
        io: the dtype of inputs and outputs of int8 files.
        threads: how many threads to run with.
        accelerated: whether an int8 file is also compiled for a Coral Edge TPU.
    """

    about: str
    tflite: tuple[str, ...] = ("int8", "float32")
    onnx: tuple[str, ...] = ()
    io: str = "int8"
    threads: int = 4
    accelerated: bool = False


TARGETS = {
    "pi-zero2": Target("Raspberry Pi Zero 2 W: Cortex-A53, 512 MiB", tflite=("int8",)),
    "pi3": Target("Raspberry Pi 3: Cortex-A53"),
    "pi4": Target("Raspberry Pi 4: Cortex-A72"),
    "pi5": Target("Raspberry Pi 5: Cortex-A76 with dot products", onnx=("int8",)),
    "coral-usb": Target("a Coral USB accelerator", tflite=("int8",), threads=1, accelerated=True),
    "coral-dev": Target("a Coral Dev Board: Cortex-A53 and an Edge TPU", tflite=("int8",), threads=1, accelerated=True),
    # MediaPipe takes uint8 and float32 inputs, and phones' GPUs compute in 16 bits.
    "phone": Target("a phone, by LiteRT or MediaPipe", tflite=("int8", "float16"), io="uint8"),
    "x86": Target("a PC or server", tflite=("int8", "float32"), onnx=("int8", "float32"), threads=2),
}
"""The devices by name. ONNX Runtime's int8 kernels need dot products or VNNI to be worth a file beside TFLite's."""


def find(name: str) -> Target:
    """Return a device by its name. Raises InputError for an unknown name."""
    if name not in TARGETS:
        raise unknown_name("target", name, sorted(TARGETS))
    return TARGETS[name]


def recipe_for(name: str, source: SourceModel, can_calibrate: bool) -> Recipe:
    """Return the recipe for a device: its files, as far as the model can become them.

    Args:
        name: the device, a key of TARGETS.
        source: the model.
        can_calibrate: whether there are calibration samples.

    Raises:
        InputError: the device is unknown, or it runs none of the files that the model can become.
    """
    target = find(name)
    able = default_recipe(source, can_calibrate)
    tflite = tuple(one for one in target.tflite if _is_possible(one, able, source))
    onnx = tuple(one for one in target.onnx if one in able.onnx)
    if target.accelerated and "int8" not in tflite:
        why = without_calibration(source) or "give --calibrate DATA for it"
        raise InputError(f"{name} runs int8 TFLite files, and none is made: {why}")
    if not tflite and not onnx:
        tflite, onnx = able.tflite, able.onnx
    return adapted(name, Recipe(tflite, onnx), source)


def adapted(name: str, recipe: Recipe, source: SourceModel) -> Recipe:
    """Return a recipe with the inputs, outputs and kernels of a device. Raises InputError for an unknown device."""
    target = find(name)
    io = target.io if source.precision not in CALIBRATED else recipe.io
    quantized_here = "int8" in recipe.precisions and source.precision not in CALIBRATED and not source.quantize_aware
    return replace(recipe, io=io, without_groups=target.accelerated and quantized_here)


def _is_possible(precision: str, able: Recipe, source: SourceModel) -> bool:
    return precision in able.tflite or (
        precision == "float16" and source.frozen is not None and "float32" in able.tflite
    )


def described(name: str, recipe: Recipe) -> str:
    """Return the line that says what was chosen for a device."""
    target = find(name)
    chosen = [f"--tflite {','.join(recipe.tflite)}"] if recipe.tflite else []
    chosen += [f"--onnx {','.join(recipe.onnx)}"] if recipe.onnx else []
    chosen += [f"--io {recipe.io}"] if "int8" in recipe.tflite else []
    split = ", grouped convolutions split" if recipe.without_groups else ""
    return f"{name}, {target.about}: {' '.join(chosen)}{split}; run it with {target.threads} thread(s)"


def for_edge_tpu(
    name: str, converted: Sequence[ConvertedArtifact], folder: Path, report: Callable[[str], None]
) -> list[ConvertedArtifact]:
    """Compile the int8 file for a device with a Coral Edge TPU, and say what runs there.

    Without the compiler, the rules say how much of the file the Edge TPU would run, and whether its parameters fit.

    Args:
        name: the device. There is nothing to do for one without an Edge TPU.
        converted: the files that were made.
        folder: where the compiled file is written.
        report: takes one line for the user.

    Returns:
        The compiled file, if there is one.
    """
    if not find(name).accelerated:
        return []
    if not any((one.artifact.format, one.artifact.precision) == ("tflite", "int8") for one in converted):
        report(f"{name} runs int8 TFLite files, and the bundle has none: add int8 to --tflite, or leave out the list")
        return []
    found = edgetpu_compiler.compiled(converted, folder, report)
    for one in () if found else converted:
        if (one.artifact.format, one.artifact.precision) == ("tflite", "int8"):
            by_rules = edgetpu.report(one.path)
            for line in (f"{one.path.name}: {by_rules.headline}", *by_rules.lines):
                report(line)
    return found
