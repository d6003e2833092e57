"""A recipe states which files to make from a model and how; the bundle keeps it. ``make`` converts by a recipe."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.backends import open_model
from edge.calibration.tensor_ranges import METHODS
from edge.calibration.weighted_layers import Progress
from edge.deploy.convert import onnx, tflite
from edge.deploy.convert.source import SourceModel
from edge.deploy.convert.tensor_names import find_names
from edge.errors import InputError
from edge.manifest import Artifact, StoredFile
from edge.models.networks import NETWORKS

PRECISIONS = ("float32", "float16", "dynamic", "int8")
"""``float16`` has weights of 16 bits, ``dynamic`` int8 weights alone; see ``edge.deploy.convert.tflite``."""

ONNX_PRECISIONS = ("float32", "int8")


@dataclass(frozen=True)
class Recipe:
    """Which files to make, and how.

    Attributes:
        tflite: the precisions of the TFLite files, each one of PRECISIONS.
        onnx: the precisions of the ONNX files, of ONNX_PRECISIONS. Each is derived from the TFLite file of the same
            precision.
        method: how ranges are computed from the calibration samples, one of METHODS.
    """

    tflite: tuple[str, ...] = ("float32", "int8")
    onnx: tuple[str, ...] = ()
    method: str = METHODS[0]

    def __post_init__(self) -> None:
        for precision in (*self.tflite, *self.onnx):
            if precision not in PRECISIONS:
                raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if other := [precision for precision in self.onnx if precision not in ONNX_PRECISIONS]:
            raise InputError(f"precision of ONNX must be one of {', '.join(ONNX_PRECISIONS)}, got {other[0]!r}")
        if self.method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {self.method!r}")
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
    if source.file is not None:
        precision = file_precision(source.file)
        only = (precision,)
        return Recipe((), only) if source.file.suffix == ".onnx" else Recipe(only, only)
    if source.quantize_aware:
        return Recipe(("int8",), ("int8",))
    both = ("float32", "int8") if can_calibrate and not _float_only(source) else ("float32",)
    return Recipe(both, both)


def _float_only(source: SourceModel) -> str:
    """Return why the model cannot become int8, or an empty text when it can."""
    row = NETWORKS.get(source.network or "")
    if source.frozen is not None and source.frozen.loops:
        return "it has a loop, as recurrent layers have, and no ranges can be observed inside"
    return row.float_only if row else ""


def without_calibration(source: SourceModel) -> str:
    """Return why calibration samples have no use for the default recipe, or an empty text when they have one."""
    if source.file is not None:
        return f"{source.file.name} keeps its precision"
    if source.quantize_aware:
        return f"the ranges of {source.name} were trained"
    why = _float_only(source)
    return f"{source.name} has no int8 file, because {why}" if why else ""


def check(source: SourceModel, recipe: Recipe) -> None:
    """Raise InputError when ``source`` cannot become a file of a requested precision. This takes no conversion."""
    if "int8" in recipe.precisions and source.frozen is not None:
        if (why := _float_only(source)) and not source.frozen.loops:
            raise InputError(f"{source.name} has no int8 file: {why}; convert it to float32")
        tflite.refuse_loops(source.frozen)


def first_file(source: SourceModel, folder: Path) -> Path:
    """Return a file of the model that can be inspected before the conversion.

    Args:
        source: the model; where it is a finished file, that file is returned.
        folder: where the file is written otherwise. ``make`` uses it again when it is given the same folder.
    """
    if source.file is not None:
        return source.file
    precision = "int8" if source.quantize_aware else "float32"
    path = folder / f"model_{precision}.tflite"
    path.write_bytes(_tflite(source, precision, None, METHODS[0], lambda done, total: None))
    return path


def make(
    source: SourceModel,
    recipe: Recipe,
    samples: tflite.Samples | None,
    folder: Path,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] | None = None,
) -> list[ConvertedArtifact]:
    """Convert ``source`` by ``recipe``.

    Args:
        source: the model.
        recipe: which files to make.
        samples: calibration inputs, needed for int8 unless the model is quantization-aware.
        folder: where the files are written. A file that ``first_file`` left there is used again.
        progress: takes the number of samples done and their total.
        report: takes one line that says why an ONNX file was left out. None raises the error instead.

    Returns:
        The converted files, float32 before int8 and TFLite before ONNX.

    Raises:
        InputError: a file cannot be made.
    """
    converted = []
    for precision in recipe.precisions:
        path = folder / f"model_{precision}.tflite"
        if source.file is not None and source.file.suffix == ".onnx":
            converted.append(_copied(source, source.file, folder, precision, recipe))
            continue
        if not path.exists():
            path.write_bytes(_tflite(source, precision, samples, recipe.method, progress, folder))
        if precision in recipe.tflite:
            converted.append(_artifact(source, path, precision))
        if precision in recipe.onnx:
            converted += _onnx(source, path, precision, report)
    return converted


def _onnx(
    source: SourceModel, tflite_file: Path, precision: str, report: Callable[[str], None] | None
) -> list[ConvertedArtifact]:
    path = tflite_file.with_suffix(".onnx")
    try:
        onnx.from_tflite(tflite_file, path, {"edge.name": source.name, "edge.precision": precision})
    except InputError as error:
        if report is None:
            raise
        report(f"no {path.name}: {error}")
        return []
    return [_artifact(source, path, precision)]


def _tflite(
    source: SourceModel,
    precision: str,
    samples: tflite.Samples | None,
    method: str,
    progress: Progress,
    stages: Path | None = None,
) -> bytes:
    if source.file is not None:
        _check_precision(source.file, precision)
        return source.file.read_bytes()
    assert source.frozen is not None
    frozen = source.frozen
    makers: dict[tuple[str, bool], Callable[[], bytes]] = {
        ("float32", False): lambda: tflite.to_float32(frozen),
        ("float16", False): lambda: tflite.to_float16(frozen),
        ("dynamic", False): lambda: tflite.to_dynamic(frozen),
        ("int8", False): lambda: tflite.to_int8(frozen, samples or (), method, progress, stages),
        ("int8", True): lambda: tflite.qat_to_int8(frozen),
    }
    if (precision, source.quantize_aware) not in makers:
        raise InputError(
            f"a quantization-aware model converts to int8 only, got {precision}; "
            "convert the model from before that step"
        )
    return makers[precision, source.quantize_aware]()


def _check_precision(file: Path, precision: str) -> None:
    if precision != (now := file_precision(file)):
        raise InputError(f"{file.name} is {now}; {precision} needs the Keras model")


def _copied(source: SourceModel, file: Path, folder: Path, precision: str, recipe: Recipe) -> ConvertedArtifact:
    _check_precision(file, precision)
    if recipe.tflite:
        raise InputError(f"an .onnx file becomes no .tflite, got {file.name}; convert the Keras model")
    path = folder / f"model_{precision}.onnx"
    path.write_bytes(file.read_bytes())
    return _artifact(source, path, precision)


def _artifact(source: SourceModel, path: Path, precision: str) -> ConvertedArtifact:
    names = find_names(path, source)
    return ConvertedArtifact(path, Artifact(path.suffix[1:], precision, (StoredFile(path.name),), "cpu", names))


def file_precision(path: Path) -> str:
    """Return ``int8`` or ``float32`` for a .tflite or .onnx file.

    A file is int8 when an input or output is quantized, or when all inputs and outputs are 8-bit integers.
    """
    with open_model(path) as model:
        border = (model.inputs, model.outputs)
    quantized = any(spec.quantization for side in border for spec in side)
    bytes_only = all(spec.dtype.kind in "iu" and spec.dtype.itemsize == 1 for side in border for spec in side)
    return "int8" if quantized or bytes_only else "float32"
