"""From a model to a bundle of verified files: source, pixels, labels, recipe, files, gate, bundle."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from edge import __version__, files, labels
from edge.backends import open_model
from edge.bundle import Manifest, OutputKind, write_bundle
from edge.calibration.sampling import choose_samples
from edge.deploy import parity
from edge.deploy.convert import recipe as recipes
from edge.deploy.convert.post_training import METHODS
from edge.deploy.convert.recipe import Made, Recipe
from edge.deploy.convert.source import SourceModel, open_source
from edge.deploy.samples import Images, read_images
from edge.errors import FileError, InputError
from edge.imaging import Colour, InputFormat, Preprocessor, Resize, default_format
from edge.tasks.classify import Classify
from edge.tensors import TensorSpec

TOOLS = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "ai-edge-litert", "onnxruntime")


@dataclass(frozen=True)
class Pixels:
    """How pixels become the model's input; see InputFormat. What is None is found out."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    colour: Colour | None = None
    resize: Resize = "stretch"


@dataclass(frozen=True)
class Calibration:
    """data: images whose ranges int8 is fitted to. samples: how many of them; seed: of their choice."""

    data: Path
    samples: int = 200
    seed: int = 0


@dataclass(frozen=True)
class Conversion:
    """What is wanted. model: see ``open_source``. out: the bundle, a folder or a file NAME.edge.

    tflite, onnx: precisions; both None for all that the model and the calibration allow. method: of METHODS.
    name, labels, output: of the manifest; None is found out. gate: None for no comparison.
    """

    model: str
    out: Path
    tflite: tuple[str, ...] | None = None
    onnx: tuple[str, ...] | None = None
    method: str = METHODS[0]
    calibration: Calibration | None = None
    gate: parity.Gate | None = None
    pixels: Pixels = field(default_factory=Pixels)
    name: str | None = None
    labels: Path | None = None
    output: OutputKind | None = None
    trust: bool = False


@dataclass(frozen=True)
class Listener:
    """Who hears of the work. tell: gets lines for the user.

    progress: gets the name of a stage, returns what gets the samples done and in all.
    """

    tell: Callable[[str], None]
    progress: Callable[[str], Callable[[int, int], None]]


def convert(wanted: Conversion, listener: Listener) -> Manifest:
    """Make the files, hold them to the gate and write the bundle; nothing is written unless they pass.

    Raises InputError, FileError, GateFailed.
    """
    _check_out(wanted.out)
    source = open_source(wanted.model, wanted.trust)
    if not source.trained:
        listener.tell(f"{wanted.model} is not trained: its weights are random")
    form = input_format(wanted.pixels, source)
    setting = parity.Setting(_labels(wanted, source), form)
    recipe = _recipe(wanted, source)
    calibration = _calibration(wanted.calibration, source, recipe, setting.labels)
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as scratch:
        samples = (x for _, x in calibration.inputs(source.input_shape, form)) if calibration else None
        made = recipes.make(source, recipe, samples, Path(scratch), listener.progress("calibrating"))
        comparisons = []
        if wanted.gate is None:
            listener.tell("not verified: give --verify to compare the files with MODEL")
        else:
            comparisons = parity.hold(wanted.gate, source, made, setting, listener.tell, listener.progress("verifying"))
        ids = list(calibration.ids) if calibration else []
        manifest = Manifest(
            name=wanted.name or source.name,
            task="classify",
            labels=setting.labels,
            size=_size(source, form),
            input=form,
            output=wanted.output or _output_kind(source, form),
            artifacts=tuple(m.artifact for m in made),
            provenance={**_provenance(wanted, source, recipe), "calibration": ids},
            measured={"parity": [c.as_json() for c in comparisons], **_training(source)},
        )
        _check_runs(made, manifest)
        return write_bundle(wanted.out, manifest, [m.path for m in made])


def _check_out(out: Path) -> None:
    """Find out before minutes of work whether the result can be written."""
    if out.exists() and out.suffix != ".edge" and not (out / "manifest.json").is_file():
        raise InputError(f"--out {out} exists and is not a bundle; choose another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise FileError(f"cannot write to {out.parent}: {error.strerror or error}") from error


def input_format(pixels: Pixels, source: SourceModel) -> InputFormat:
    """Return how pixels become this model's input: what was said, else the training record, else -1 to 1.

    Raises InputError when the model's input is not an image of that format.
    """
    if len(source.input_shape) != 4:
        raise InputError(f"an image model's input must be (1, height, width, channels), got {source.input_shape}")
    spec = TensorSpec("image", source.input_shape, np.dtype(np.float32))
    found = default_format(spec)
    record = source.record or {}
    form = InputFormat(
        colour=pixels.colour or found.colour,
        mean=pixels.mean or tuple(record.get("mean", (127.5,))),
        std=pixels.std or tuple(record.get("std", (127.5,))),
        resize=pixels.resize,
        layout=found.layout,
    )
    channels = _size(source, form)[2]
    for name, values in (("mean", form.mean), ("std", form.std)):
        if len(values) not in (1, channels):
            raise InputError(f"--{name} must be one number or {channels}, got {len(values)}")
    Preprocessor(spec, form)
    return form


def _labels(wanted: Conversion, source: SourceModel) -> tuple[str, ...]:
    """Return the labels that were given, else those beside the model, else the class numbers."""
    model = Path(wanted.model)
    beside = source.labels or (model.with_name("labels.txt") if model.exists() else None)
    if wanted.labels:
        path, names = wanted.labels, labels.read(wanted.labels)
    elif beside and beside.is_file():
        path, names = beside, labels.read_plain(beside)
    else:
        return tuple(str(index) for index in range(source.classes))
    labels.check_count(names, source.classes, str(path))
    return tuple(names)


def _recipe(wanted: Conversion, source: SourceModel) -> Recipe:
    if wanted.tflite is None and wanted.onnx is None:
        return replace(recipes.default_recipe(source, wanted.calibration is not None), method=wanted.method)
    return Recipe(wanted.tflite or (), wanted.onnx or (), wanted.method)


def _size(source: SourceModel, form: InputFormat) -> tuple[int, int, int]:
    """Return height, width, channels."""
    _, *sizes = source.input_shape
    return (sizes[0], sizes[1], sizes[2]) if form.layout == "NHWC" else (sizes[1], sizes[2], sizes[0])


def _calibration(
    given: Calibration | None, source: SourceModel, recipe: Recipe, names: tuple[str, ...]
) -> Images | None:
    """Return the calibration images; None when the recipe needs none."""
    if "int8" not in recipe.precisions or source.quantize_aware or source.file is not None:
        return None
    if given is None:
        raise InputError("int8 needs real images to fit its ranges to: give --calibrate DIR, ZIP or NPZ")
    splits = ("train", "validation", "test")
    return read_images(given.data, splits, names, lambda classes: choose_samples(classes, given.samples, given.seed))


def _output_kind(source: SourceModel, form: InputFormat) -> OutputKind:
    """Probabilities are never negative and sum to 1; one grey image tells."""
    height, width, _ = _size(source, form)
    grey = Images(("grey",), None, lambda: iter([np.full((height, width, 3), 128, np.uint8)]))
    ((_, inputs),) = grey.inputs(source.input_shape, form)
    out = source.reference(inputs)
    return "probabilities" if out.min() >= 0 and abs(float(out.sum()) - 1) < 0.05 else "logits"


def _check_runs(made: list[Made], manifest: Manifest) -> None:
    """Raise InputError for a file that the loop could not run: better here than on the device."""
    for m in made:
        with open_model(m.path) as model:
            Preprocessor(model.inputs[0], manifest.input)
            Classify(manifest.labels, manifest.output).check(model.outputs)


def _training(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {"training": {key: record[key] for key in ("accuracy", "images", "trainable", "macs") if key in record}}


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
