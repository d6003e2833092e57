"""A recipe states which files to make from a model and how; the bundle keeps it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.calibration.tensor_ranges import METHODS
from edge.deploy.conversion import float_onnx, float_tflite
from edge.deploy.conversion.onnx import OPSET
from edge.deploy.conversion.post_training import IO
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.unrolling import MOST_STEPS
from edge.errors import InputError
from edge.manifest import Artifact
from edge.models.networks import NETWORKS

PRECISIONS = ("float32", "float16", "dynamic", "int8", "int16x8")
"""``float16`` has weights of 16 bits, ``dynamic`` int8 weights alone, ``int16x8`` activations of 16 bits and int8
weights; see ``edge.deploy.conversion.tflite``."""

ONNX_PRECISIONS = ("float32", "float16", "int8")

CALIBRATED = ("int8", "int16x8")
"""The precisions whose ranges are computed from samples."""

OPSETS = range(13, 19)
"""The versions of ONNX's operations that a file may be written in. 13 is the first with int8 scales per channel."""


@dataclass(frozen=True)
class Recipe:
    """Which files to make, and how.

    Attributes:
        tflite: the precisions of the TFLite files, each one of PRECISIONS.
        onnx: the precisions of the ONNX files, of ONNX_PRECISIONS. Each is derived from the TFLite file of the same
            precision, float16 from float32.
        method: how ranges are computed from the calibration samples, one of METHODS.
        io: the dtype of inputs and outputs of the int8 files, one of ``post_training.IO``.
        opset: the version of ONNX's operations, one of OPSETS.
        without_groups: whether int8 files have one convolution for each group of a grouped convolution.
        float_layers: the names of layers that stay float in the int8 file.
    """

    tflite: tuple[str, ...] = ("float32", "int8")
    onnx: tuple[str, ...] = ()
    method: str = METHODS[0]
    io: str = "int8"
    opset: int = OPSET
    without_groups: bool = False
    float_layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for precision in (*self.tflite, *self.onnx):
            if precision not in PRECISIONS:
                raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if other := [precision for precision in self.onnx if precision not in ONNX_PRECISIONS]:
            raise InputError(f"precision of ONNX must be one of {', '.join(ONNX_PRECISIONS)}, got {other[0]!r}")
        if self.method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.io not in IO:
            raise InputError(f"the inputs and outputs must be one of {', '.join(IO)}, got {self.io!r}")
        if self.opset not in OPSETS:
            raise InputError(f"the opset must be {OPSETS[0]} to {OPSETS[-1]}, got {self.opset}")
        if not self.tflite and not self.onnx:
            raise InputError("nothing to convert to: give --tflite or --onnx")

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions of all files, float32 first."""
        return tuple(p for p in PRECISIONS if p in self.tflite or p in self.onnx)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for the manifest."""
        return asdict(self)


@dataclass(frozen=True)
class ConvertedArtifact:
    """One converted file.

    Attributes:
        path: where the file is.
        artifact: its entry in the manifest, still without size and digest, which ``write_bundle`` computes.
    """

    path: Path
    artifact: Artifact


def default_recipe(source: SourceModel, can_calibrate: bool) -> Recipe:
    """Return the recipe for a conversion without explicit precisions: all that ``source`` allows, in both formats.

    Args:
        source: the model.
        can_calibrate: whether there are calibration samples for int8.
    """
    if source.quantize_aware:
        return Recipe(("int8",), ("int8",))
    more = ("int8",) if can_calibrate and not without_calibration(source) else ()
    if source.file is None:
        return Recipe(("float32", *more), ("float32", *more))
    own = source.precision
    if source.file.suffix == ".onnx":
        return Recipe((), (own, *more))
    also = {"float32": ("float32",), "float16": ("float32",), "int8": ("int8",)}
    return Recipe((own, *more), (*also.get(own, ()), *more))


def without_calibration(source: SourceModel) -> str:
    """Return why calibration samples have no use, or an empty text when they have one."""
    if source.quantize_aware:
        return f"the ranges of {source.name} were trained"
    if source.file is not None and source.precision in CALIBRATED:
        return f"{source.file.name} keeps its precision"
    why = float_only(source)
    return f"{source.name} has no int8 file, because {why}" if why else ""


def float_only(source: SourceModel) -> str:
    """Return why the model cannot become int8, or an empty text when it can."""
    if source.file is not None:
        onnx = source.file.suffix == ".onnx"
        return float_onnx.refusal(source.file) if onnx else float_tflite.refusal(source.file)
    row = NETWORKS.get(source.network or "")
    if source.frozen is not None and source.frozen.int8_loops:
        return (
            "it has a loop, as recurrent layers have that are not unrolled (in a SavedModel, of ConvLSTM2D, or of more "
            f"than {MOST_STEPS} steps), and no ranges can be observed inside"
        )
    return row.float_only if row else ""


def check(source: SourceModel, recipe: Recipe) -> None:
    """Raise InputError when ``source`` cannot become a file of a requested precision. This takes no conversion."""
    wanted = [precision for precision in recipe.precisions if precision in CALIBRATED]
    if recipe.float_layers:
        _check_float_layers(source, recipe)
    if source.file is not None:
        _check_file(source, source.file, recipe)
    elif source.quantize_aware and recipe.precisions != ("int8",):
        raise InputError(
            f"a quantization-aware model converts to int8 only, got {', '.join(recipe.precisions)}; convert the model "
            "from before that step"
        )
    if wanted and not source.quantize_aware and source.precision not in CALIBRATED and (why := float_only(source)):
        advice = "convert it to float32"
        if source.frozen is not None and source.frozen.int8_loops:
            advice += ", or build its recurrent layers with unroll=True"
        raise InputError(f"{source.name} has no {wanted[0]} file, because {why}; {advice}")


def _check_float_layers(source: SourceModel, recipe: Recipe) -> None:
    if "int8" not in recipe.precisions:
        raise InputError("--float-layers is about the int8 file, and none is made: give --calibrate DATA")
    if why := without_calibration(source):
        raise InputError(f"--float-layers is for files that are quantized here, and {why}")
    if source.file is not None and source.file.suffix == ".onnx":
        raise InputError(
            f"--float-layers is for models that become .tflite files; {source.file.name} is quantized by ONNX Runtime"
        )


FROM_FILE = {
    "float32": ("float32", "int8", "int16x8"),
    "float16": ("float16", "float32", "int8", "int16x8"),
    "dynamic": ("dynamic", "int8", "int16x8"),
}
"""What a finished file of each precision can become. Any other keeps its precision."""


def _check_file(source: SourceModel, file: Path, recipe: Recipe) -> None:
    if file.suffix == ".onnx" and recipe.tflite:
        raise InputError(
            f"{file.name} becomes no .tflite file without onnx2tf; convert the model that it was made from"
        )
    allowed = FROM_FILE.get(source.precision, (source.precision,))
    if file.suffix == ".onnx":
        allowed = tuple(one for one in allowed if one in (source.precision, "int8"))
    halves = file.suffix == ".onnx" or source.precision in ("float32", "float16")
    for precision in recipe.precisions:
        written = precision == "float16" and precision not in recipe.tflite and halves
        if precision not in allowed and not written:
            raise InputError(f"{file.name} is {source.precision}; {precision} needs the model that it was made from")
    if source.precision in CALIBRATED and recipe.io != Recipe.io:
        raise InputError(f"--io is for files that are quantized here; {file.name} keeps its inputs and outputs")
