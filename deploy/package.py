"""From a model to a bundle of verified files: source, signature, labels, recipe, files, gate, bundle."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import __version__, files, golden, labels, tasks
from edge.bundle import write_bundle
from edge.calibration.sampling import choose_samples
from edge.calibration.tensor_ranges import METHODS
from edge.deploy import parity
from edge.deploy.convert import recipe as recipes
from edge.deploy.convert.recipe import Made, Recipe
from edge.deploy.convert.source import SourceModel, open_source
from edge.deploy.samples import CALIBRATION, Samples, Wanted, open_samples
from edge.deploy.signature import Pixels, Said, find_signature
from edge.deploy.verify import Comparison
from edge.errors import FileError, InputError
from edge.manifest import Manifest
from edge.signature import Kind, Signature, describe

TOOLS = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "ai-edge-litert", "onnxruntime")
RECORDED = ("headline", "figures", "accuracy", "images", "trainable", "macs")
"""What a bundle keeps of the training record."""


@dataclass(frozen=True)
class Calibration:
    """Samples whose ranges int8 is fitted to.

    Attributes:
        data: where they are.
        samples: how many of them.
        seed: of their choice.
    """

    data: Path
    samples: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Conversion:
    """What is wanted.

    Attributes:
        model: see ``open_source``.
        out: the bundle, a folder or a file NAME.edge.
        tflite, onnx: precisions; both None for all that the model and the calibration allow.
        method: of METHODS.
        calibration: None for no int8, unless the model needs none for it.
        gate: None for no comparison.
        task, decoder, parameters: what the outputs mean; None is found out.
        kind: of the inputs, ``image`` or ``tensor``; None is found out.
        pixels: how pixels become an image input.
        name, labels: of the manifest; None is found out.
        signature: which function of a SavedModel.
        trust: allow what a model's file could do beyond computing.
    """

    model: str
    out: Path
    tflite: tuple[str, ...] | None = None
    onnx: tuple[str, ...] | None = None
    method: str = METHODS[0]
    calibration: Calibration | None = None
    gate: parity.Gate | None = None
    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind | None = None
    pixels: Pixels = field(default_factory=Pixels)
    name: str | None = None
    labels: Path | None = None
    signature: str | None = None
    trust: bool = False


@dataclass(frozen=True)
class Listener:
    """Who hears of the work.

    Attributes:
        tell: gets lines for the user.
        progress: gets the name of a stage, returns what gets the samples done and in all.
    """

    tell: Callable[[str], None]
    progress: Callable[[str], Callable[[int, int], None]]


def convert(wanted: Conversion, listener: Listener) -> Manifest:
    """Make the files, hold them to the gate and write the bundle; nothing is written unless they pass.

    Raises InputError, FileError, GateFailed.
    """
    _check_out(wanted.out)
    source = open_source(wanted.model, wanted.trust, wanted.signature)
    if not source.trained:
        listener.tell(f"{wanted.model} is not trained: its weights are random")
    recipe = _recipe(wanted, source)
    names, origin = _labels(wanted, source)
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as scratch:
        folder = Path(scratch)
        signature, notes = _signature(wanted, source, names, folder, listener)
        tasks.load(signature.task.name)(signature, names or None, origin)  # refuses what does not fit
        known = _known(source, signature, names)
        calibration = _calibration(wanted.calibration, known, source, recipe, listener)
        made = _made(wanted, source, recipe, calibration, folder, listener)
        comparisons = _held(wanted, source, made, known, listener)
        made, sources = _with_golden(made, source, known, folder)
        manifest = Manifest(
            name=wanted.name or source.name,
            signature=signature,
            labels=names,
            artifacts=tuple(m.artifact for m in made),
            provenance={
                **_provenance(wanted, source, recipe),
                "assumed": list(notes),
                "calibration": _ids(calibration),
            },
            measured={"parity": [c.as_json() for c in comparisons], **_training(source)},
        )
        return write_bundle(wanted.out, manifest, sources)


def _check_out(out: Path) -> None:
    """Find out before minutes of work whether the result can be written."""
    if out.exists() and out.suffix != ".edge" and not (out / "manifest.json").is_file():
        raise InputError(f"--out {out} exists and is not a bundle; choose another name")
    if out.is_dir() and out.suffix == ".edge":
        raise InputError(
            f"--out {out} is a folder, and a name that ends in .edge stands for a file; choose another name"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise FileError(f"cannot write to {out.parent}: {error.strerror or error}") from error


def _recipe(wanted: Conversion, source: SourceModel) -> Recipe:
    if wanted.tflite is None and wanted.onnx is None:
        return replace(recipes.default_recipe(source, wanted.calibration is not None), method=wanted.method)
    recipe = Recipe(wanted.tflite or (), wanted.onnx or (), wanted.method)
    recipes.check(source, recipe)
    return recipe


def _labels(wanted: Conversion, source: SourceModel) -> tuple[tuple[str, ...], str]:
    """Return the labels that were given, else those beside the model, else none; and where they came from."""
    beside = source.labels or (source.folder / "labels.txt" if source.folder else None)
    if wanted.labels:
        return tuple(labels.read(wanted.labels)), str(wanted.labels)
    if beside and beside.is_file() and beside.read_text(encoding="utf-8").strip():
        return tuple(labels.read_plain(beside)), str(beside)
    return (), "labels"


def _signature(
    wanted: Conversion, source: SourceModel, names: tuple[str, ...], folder: Path, listener: Listener
) -> tuple[Signature, tuple[str, ...]]:
    """Return what the model takes and gives, and tell what was assumed."""
    said = Said(wanted.task, wanted.decoder, wanted.parameters, wanted.kind, wanted.pixels, len(names) or None)
    found = find_signature(source, said, lambda: recipes.first_file(source, folder))
    for note in found.notes:
        listener.tell(note)
    return found.signature, found.notes


def _known(source: SourceModel, signature: Signature, names: tuple[str, ...]) -> Wanted:
    specs = {spec.name: spec for spec in source.inputs}
    return Wanted(signature, specs, names, source.record or {}, source.folder)


def _calibration(
    given: Calibration | None, known: Wanted, source: SourceModel, recipe: Recipe, listener: Listener
) -> Samples | None:
    """Return the calibration samples; None when the recipe needs none."""
    if "int8" not in recipe.precisions or source.quantize_aware or source.file is not None:
        return None
    if given is None:
        raise InputError(
            f"int8 needs real samples to fit its ranges to, for {describe(known.signature.inputs)}: give --calibrate"
        )

    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose_samples(classes, given.samples, given.seed)

    samples = open_samples(given.data, known, CALIBRATION, chosen)
    for note in samples.notes:
        listener.tell(note)
    return samples


def _made(
    wanted: Conversion,
    source: SourceModel,
    recipe: Recipe,
    calibration: Samples | None,
    folder: Path,
    listener: Listener,
) -> list[Made]:
    """Return the files; an ONNX file that nobody asked for may be left out, with a line."""
    rows = (s.inputs for s in calibration.read() if s is not None) if calibration else None
    asked = wanted.tflite is not None or wanted.onnx is not None
    progress = listener.progress("calibrating")
    return recipes.make(source, recipe, rows, folder, progress, None if asked else listener.tell)


def _held(
    wanted: Conversion, source: SourceModel, made: Sequence[Made], known: Wanted, listener: Listener
) -> list[Comparison]:
    if wanted.gate is None:
        listener.tell("not verified: give --verify to compare the files with MODEL")
        return []
    return parity.hold(wanted.gate, source, made, known, listener.tell, listener.progress("verifying"))


def _with_golden(
    made: Sequence[Made], source: SourceModel, known: Wanted, folder: Path
) -> tuple[list[Made], dict[str, Path]]:
    """Return the files with golden inputs and outputs, and where everything lies, by name.

    Each file runs as the loop runs it. Raises InputError for one that could not: better here than on the device.
    """
    found: list[Made] = []
    sources = {m.path.name: m.path for m in made}
    for m in made:
        with parity.session(m, source.name, known) as opened:
            entry, written = golden.make(opened, folder, m.path.name)
        sources |= written
        found.append(replace(m, artifact=replace(m.artifact, golden=entry)))
    return found, sources


def _ids(calibration: Samples | None) -> list[str]:
    return list(calibration.ids) if calibration else []


def _training(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {"training": {key: record[key] for key in RECORDED if key in record}}


def _provenance(wanted: Conversion, source: SourceModel, recipe: Recipe) -> dict[str, Any]:
    model = Path(wanted.model)
    digest = files.sha256(model) if model.is_file() else None
    return {
        "recipe": recipe.as_json(),
        "source": {"name": model.name, "sha256": digest, "trained": source.trained},
        "seed": next((part.seed for part in (wanted.calibration, wanted.gate) if part), 0),
        "tools": {"edgekit": __version__, **{name: v for name in TOOLS if (v := _version(name))}},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
