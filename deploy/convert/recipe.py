"""A recipe: which files to make from one frozen graph, and how; saved in the bundle that it made."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.backends import open_model
from edge.bundle import Artifact
from edge.deploy.convert import onnx, tflite
from edge.deploy.convert.post_training import METHODS, Progress
from edge.deploy.convert.source import SourceModel
from edge.errors import InputError

PRECISIONS = ("float32", "int8")


@dataclass(frozen=True)
class Recipe:
    """tflite, onnx: precisions, of PRECISIONS. ONNX files are derived from the TFLite file of the same precision.

    method: of METHODS, how ranges are fitted to calibration samples.
    """

    tflite: tuple[str, ...] = ("float32", "int8")
    onnx: tuple[str, ...] = ()
    method: str = METHODS[0]

    def __post_init__(self) -> None:
        for precision in (*self.tflite, *self.onnx):
            if precision not in PRECISIONS:
                raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if self.method not in METHODS:
            raise InputError(f"the method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if not self.tflite and not self.onnx:
            raise InputError("nothing to convert to: give --tflite or --onnx")

    @property
    def precisions(self) -> tuple[str, ...]:
        """Every precision that some file needs, float32 first."""
        return tuple(p for p in PRECISIONS if p in self.tflite or p in self.onnx)

    def as_json(self) -> dict[str, Any]:
        """Return the manifest's form."""
        return asdict(self)


@dataclass(frozen=True)
class Made:
    """One converted file; the artefact's size and digest are filled in by the bundle."""

    path: Path
    artifact: Artifact


def default_recipe(source: SourceModel, can_calibrate: bool) -> Recipe:
    """Return what to make when nobody says: all that ``source`` allows, in both formats."""
    if source.file is not None:
        precision = file_precision(source.file)
        only = (precision,)
        return Recipe((), only) if source.file.suffix == ".onnx" else Recipe(only, only)
    if source.quantize_aware:
        return Recipe(("int8",), ("int8",))
    both = ("float32", "int8") if can_calibrate else ("float32",)
    return Recipe(both, both)


def make(
    source: SourceModel,
    recipe: Recipe,
    samples: tflite.Samples | None,
    folder: Path,
    progress: Progress = lambda done, total: None,
) -> list[Made]:
    """Convert ``source`` into ``folder`` by ``recipe``.

    samples: calibration inputs; needed for int8 unless the source is quantization-aware. progress: gets those run and
    in all.
    """
    made = []
    for precision in recipe.precisions:
        path = folder / f"model_{precision}.tflite"
        if source.file is not None and source.file.suffix == ".onnx":
            made.append(_copied(source.file, folder, precision, recipe))
            continue
        path.write_bytes(_tflite(source, precision, samples, recipe.method, progress))
        if precision in recipe.tflite:
            made.append(_made(path, "tflite", precision))
        if precision in recipe.onnx:
            target = folder / f"model_{precision}.onnx"
            onnx.from_tflite(path, target, {"edge.name": source.name, "edge.precision": precision})
            made.append(_made(target, "onnx", precision))
    return made


def _tflite(
    source: SourceModel, precision: str, samples: tflite.Samples | None, method: str, progress: Progress
) -> bytes:
    if source.file is not None:
        _check_precision(source.file, precision)
        return source.file.read_bytes()
    assert source.frozen is not None
    makers: dict[tuple[str, bool], Callable[[], bytes]] = {
        ("float32", False): lambda: tflite.to_float32(_frozen(source)),
        ("int8", False): lambda: tflite.to_int8(_frozen(source), samples or (), method, progress),
        ("int8", True): lambda: tflite.qat_to_int8(_frozen(source)),
    }
    if (precision, source.quantize_aware) not in makers:
        raise InputError(
            f"a quantization-aware model converts to int8 only, got {precision}; "
            "convert the model from before that step"
        )
    return makers[precision, source.quantize_aware]()


def _frozen(source: SourceModel) -> Any:
    return source.frozen


def _check_precision(file: Path, precision: str) -> None:
    if precision != (now := file_precision(file)):
        raise InputError(f"{file.name} is {now}; {precision} needs the Keras model")


def _copied(file: Path, folder: Path, precision: str, recipe: Recipe) -> Made:
    _check_precision(file, precision)
    if recipe.tflite:
        raise InputError(f"an .onnx file becomes no .tflite, got {file.name}; convert the Keras model")
    target = folder / f"model_{precision}.onnx"
    target.write_bytes(file.read_bytes())
    return _made(target, "onnx", precision)


def _made(path: Path, form: str, precision: str) -> Made:
    return Made(path, Artifact(path.name, form, precision, "cpu", path.stat().st_size, ""))


def file_precision(path: Path) -> str:
    """Return int8 for a file with an integer input, float32 otherwise."""
    with open_model(path) as model:
        return "float32" if model.inputs[0].dtype.kind == "f" else "int8"
