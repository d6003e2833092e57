"""``make`` converts a model to the files that a recipe states."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.calibration.weighted_layers import Progress
from edge.deploy.conversion import float_onnx, float_tflite, onnx, onnx_halves, post_training, tflite
from edge.deploy.conversion.output_limits import Limits
from edge.deploy.conversion.recipe import CALIBRATED, ConvertedArtifact, Recipe, check
from edge.deploy.conversion.shared_constants import share_constants
from edge.deploy.conversion.short_names import shorten
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.tensor_names import find_names
from edge.errors import InputError
from edge.manifest import Artifact, StoredFile

Samples = Iterable[Mapping[str, NDArray[Any]] | NDArray[Any]]


@dataclass(frozen=True)
class _Production:
    """What the files are made of: see ``make``."""

    source: SourceModel
    recipe: Recipe
    samples: Samples
    folder: Path
    progress: Progress = field(default=lambda done, total: None)
    bounds: post_training.Bounds = field(default_factory=dict)
    limits: Limits = ()

    @cached_property
    def rows(self) -> Sequence[Mapping[str, NDArray[Any]]]:
        """The calibration samples by input name, read when the first file needs them."""
        specs = self.source.inputs
        found = []
        for sample in self.samples:
            by_name = sample if isinstance(sample, Mapping) else {specs[0].name: sample}
            found.append({spec.name: np.ascontiguousarray(by_name[spec.name], spec.dtype) for spec in specs})
        if not found:
            raise InputError("int8 needs calibration samples: give them with --calibrate")
        return found

    def tflite(self, precision: str, io: str = "int8") -> bytes:
        """Return the TFLite file of a precision. ``io`` is for int8 files."""
        source = self.source
        if source.file is not None and precision == source.precision:
            return source.file.read_bytes()
        if precision in CALIBRATED and not source.quantize_aware:
            return self._quantized(precision, io)
        if source.file is not None:
            return float_tflite.to_float32(source.file.read_bytes())
        assert source.frozen is not None, "a model without a file has a frozen graph"
        if source.quantize_aware:
            return tflite.qat_to_int8(source.frozen, io)
        makers = {"float32": tflite.to_float32, "float16": tflite.to_float16, "dynamic": tflite.to_dynamic}
        return makers[precision](source.frozen)

    def _quantized(self, precision: str, io: str) -> bytes:
        frozen, file = self.source.frozen, self.source.file
        if frozen is not None:
            tflite.refuse_loops(frozen)
            marked = tflite.marked(frozen, self.rows)
            marked = shorten(share_constants(marked)) if frozen.loops else marked
        else:
            assert file is not None, "a model without a frozen graph is a file"
            marked = float_tflite.marked(file.read_bytes())
        if precision == "int8":
            made = post_training.to_int8(marked, self.rows, self._settings(io), self.progress, self.folder)
        else:
            made = post_training.to_int16x8(marked, self.rows, self._settings(_wide(self.recipe.io)), self.progress)
        return share_constants(made) if frozen is not None and frozen.loops else made

    def _settings(self, io: str) -> post_training.Settings:
        recipe = self.recipe
        return post_training.Settings(
            recipe.method, io, self.bounds, recipe.without_groups, recipe.float_layers, limits=self.limits
        )

    def onnx(self, precision: str) -> Path:
        """Return the ONNX file of a precision."""
        path = self.folder / f"model_{precision}.onnx"
        file = self.source.file
        given = file if file is not None and file.suffix == ".onnx" else None
        own = given is not None and precision == self.source.precision
        made = "float32" if precision == "float16" and not own else precision
        whole = self._onnx_file(given, made) if given else self._converted(made)
        path.write_bytes(whole if made == precision else onnx_halves.to_float16(whole))
        return path

    def _onnx_file(self, file: Path, precision: str) -> bytes:
        if precision == self.source.precision:
            return file.read_bytes()
        return float_onnx.to_int8(file, self.rows, self._settings(self.recipe.io), self.progress)

    def _converted(self, precision: str) -> bytes:
        """Return the ONNX file of the TFLite file of a precision, which is made where it is not there yet."""
        name = f"model_{precision}.tflite"
        if precision == "int8" and self.recipe.io == "uint8":
            name = "int8_border.tflite"  # ONNX files have inputs and outputs of their own
        made = self.folder / name
        if not made.exists():
            made.write_bytes(self.tflite(precision, "int8" if name == "int8_border.tflite" else self.recipe.io))
        path = self.folder / "converted.onnx"
        facts = {"edge.name": self.source.name, "edge.precision": precision}
        onnx.from_tflite(made, path, facts, self.recipe.opset)
        return path.read_bytes()


def _wide(io: str) -> str:
    """Return the dtype of the border of an int16x8 file: float32 where that is asked for, else its own."""
    return "float32" if io == "float32" else "int16"


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
    path.write_bytes(_Production(source, Recipe((precision,)), (), folder).tflite(precision))
    return path


def make(
    source: SourceModel,
    recipe: Recipe,
    samples: Samples | None,
    folder: Path,
    progress: Progress = lambda done, total: None,
    report: Callable[[str], None] | None = None,
    bounds: post_training.Bounds | None = None,
    limits: Limits = (),
) -> list[ConvertedArtifact]:
    """Convert ``source`` by ``recipe``.

    Args:
        source: the model.
        recipe: which files to make.
        samples: calibration inputs, needed for int8 and int16x8 unless the model is quantized already.
        folder: where the files are written. A file that ``first_file`` left there is used again.
        progress: takes the number of samples done and their total.
        report: takes one line that says why an ONNX file was left out. None raises the error instead.
        bounds: the smallest and the largest value that inputs can have, beyond those in the samples.
        limits: what outputs need to hold, see ``output_limits``.

    Returns:
        The converted files, float32 before int8 and TFLite before ONNX.

    Raises:
        InputError: a file cannot be made.
    """
    check(source, recipe)
    work = _Production(source, recipe, samples or (), folder, progress, bounds or {}, limits)
    converted = []
    for precision in recipe.precisions:
        path = folder / f"model_{precision}.tflite"
        if precision in recipe.tflite:
            if not path.exists() or (precision == "int8" and recipe.io != "int8"):
                path.write_bytes(work.tflite(precision, recipe.io))
            converted.append(_artifact(source, path, precision))
        if precision in recipe.onnx:
            converted += _onnx(work, precision, report)
    return converted


def _onnx(work: _Production, precision: str, report: Callable[[str], None] | None) -> list[ConvertedArtifact]:
    try:
        path = work.onnx(precision)
    except InputError as error:
        if report is None and isinstance(error, onnx.NoOnnxForm):
            raise InputError(f"{error}; give --tflite without --onnx") from error
        if report is None:
            raise
        report(f"no model_{precision}.onnx: {error}")
        return []
    return [_artifact(work.source, path, precision)]


def _artifact(source: SourceModel, path: Path, precision: str) -> ConvertedArtifact:
    names = find_names(path, source)
    return ConvertedArtifact(path, Artifact(path.suffix[1:], precision, (StoredFile(path.name),), "cpu", names))
