"""The work of ``edge-convert``: source, recipe, files, gate, bundle."""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import __version__, files, labels
from edge.backends import open_model
from edge.bundle import Manifest, OutputKind, write_bundle
from edge.calibration.samples import choose
from edge.cli._data import tell_corrupt
from edge.cli._images import Floats, Images, read_images
from edge.cli._main import progress
from edge.deploy import verify
from edge.deploy.convert import recipe as recipes
from edge.deploy.convert.recipe import Made, Recipe
from edge.deploy.convert.source import Reference, SourceModel, file_reference, open_source
from edge.errors import FileProblem, GateFailed, InvalidInput
from edge.imaging import InputFormat, Preprocessor, default_format
from edge.tasks.classify import Classify
from edge.tensors import TensorSpec

TOOLS = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "ai-edge-litert", "onnxruntime")

THE_MODEL = "the model"
REMEDY = (
    "quantization-aware training (edge-compress --qat) or more --samples for --calibrate may mend it; "
    "--min-agreement, --min-onnx-agreement and --max-drop allow more"
)
"""For int8. Where float32 differs, the conversion is wrong, and no allowance makes it right."""


def convert(a: argparse.Namespace) -> dict[str, Any]:
    """Run the whole command; return the report. Nothing is written to ``a.out`` unless the gate passes."""
    _check_out(a.out)
    for agreement in (a.min_agreement, a.min_onnx_agreement):
        verify.Budget(agreement, a.max_drop)  # refuses what is no budget before the work, not after it
    source = open_source(a.model, a.trust)
    if not source.trained:
        print(f"edge-convert: {a.model} is not trained: its weights are random", file=sys.stderr)
    form = input_format(a, source)
    names = _labels(a, source)
    recipe = _recipe(a, source)
    calibration = _calibration(a, source, recipe, names)
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as scratch:
        samples = (x for _, x in calibration.inputs(source.input_shape, form)) if calibration else None
        made = recipes.make(source, recipe, samples, Path(scratch))
        comparisons = _verify(a, source, made, form, names)
        ids = list(calibration.ids) if calibration else []
        measured = {"parity": [c.as_json() for c in comparisons], **_training(source)}
        manifest = Manifest(
            name=a.name or source.name,
            task="classify",
            labels=names,
            size=_size(source, form),
            input=form,
            output=_output_kind(a, source, form),
            artifacts=tuple(m.artifact for m in made),
            provenance={**_provenance(a, source, recipe), "calibration": ids},
            measured=measured,
        )
        _check_runs(made, manifest)
        written = write_bundle(a.out, manifest, [m.path for m in made])
    return {"bundle": str(a.out), "manifest": written.as_json()}


def show(report: dict[str, Any], out: Path) -> None:
    """Print the files and how they compare."""
    manifest = report["manifest"]
    parity = {row["candidate"]: row for row in manifest["measured"]["parity"]}
    for artifact in manifest["artifacts"]:
        row = parity.get(artifact["file"])
        line = f"{artifact['file']:24} {artifact['bytes'] / 1024:8.0f} KiB"
        if row:
            line += f"  agrees with {row['reference']} on {row['agreement']:.2f} % of {row['samples']}"
            if row["accuracy"] is not None:
                line += f", accuracy {row['accuracy']:.2f} % ({row['reference_accuracy']:.2f} %)"
        print(line)
    print(f"bundle {manifest['name']!r} in {out}")


def _check_out(out: Path) -> None:
    """Find out before minutes of work whether the result can be written."""
    if out.exists() and out.suffix != ".edge" and not (out / "manifest.json").is_file():
        raise InvalidInput(f"--out {out} exists and is not a bundle; choose another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise FileProblem(f"cannot write to {out.parent}: {error.strerror or error}") from error


def input_format(a: argparse.Namespace, source: SourceModel) -> InputFormat:
    """Return how pixels become this model's input: what was said, else the training record, else -1 to 1.

    Raises InvalidInput when the model's input is not an image of that format.
    """
    if len(source.input_shape) != 4:
        raise InvalidInput(f"an image model's input must be (1, height, width, channels), got {source.input_shape}")
    spec = TensorSpec("image", source.input_shape, np.dtype(np.float32))
    found = default_format(spec)
    record = source.record or {}
    form = InputFormat(
        colour=a.colour or found.colour,
        mean=a.mean or tuple(record.get("mean", (127.5,))),
        std=a.std or tuple(record.get("std", (127.5,))),
        resize=a.resize,
        layout=found.layout,
    )
    channels = _size(source, form)[2]
    for name, values in (("mean", form.mean), ("std", form.std)):
        if len(values) not in (1, channels):
            raise InvalidInput(f"--{name} must be one number or {channels}, got {len(values)}")
    Preprocessor(spec, form)
    return form


def _labels(a: argparse.Namespace, source: SourceModel) -> tuple[str, ...]:
    """Return the labels that were given, else those beside the model, else the class numbers."""
    beside = source.labels or (Path(a.model).with_name("labels.txt") if Path(a.model).exists() else None)
    if a.labels:
        path, names = a.labels, labels.read(a.labels)
    elif beside and beside.is_file():
        path, names = beside, labels.read_plain(beside)
    else:
        return tuple(str(index) for index in range(source.classes))
    labels.check_count(names, source.classes, str(path))
    return tuple(names)


def _recipe(a: argparse.Namespace, source: SourceModel) -> Recipe:
    if a.tflite is None and a.onnx is None:
        return replace(recipes.default_recipe(source, a.calibrate is not None), method=a.method)
    tflite, onnx = (tuple(filter(None, (text or "").split(","))) for text in (a.tflite, a.onnx))
    return Recipe(tflite, onnx, a.method)


def _size(source: SourceModel, form: InputFormat) -> tuple[int, int, int]:
    """Return height, width, channels."""
    _, *sizes = source.input_shape
    return (sizes[0], sizes[1], sizes[2]) if form.layout == "NHWC" else (sizes[1], sizes[2], sizes[0])


def _calibration(a: argparse.Namespace, source: SourceModel, recipe: Recipe, names: tuple[str, ...]) -> Images | None:
    """Return the calibration images; None when the recipe needs none."""
    if "int8" not in recipe.precisions or source.quantize_aware or source.file is not None:
        return None
    if a.calibrate is None:
        raise InvalidInput("int8 needs real images to fit its ranges to: give --calibrate DIR, ZIP or NPZ")
    splits = ("train", "validation", "test")
    return read_images(a.calibrate, splits, names, lambda classes: choose(classes, a.samples, a.seed))


def _verify(
    a: argparse.Namespace, source: SourceModel, made: list[Made], form: InputFormat, names: tuple[str, ...]
) -> list[verify.Comparison]:
    """Compare every file with the source, each ONNX file with its TFLite twin too, and hold them to the budgets."""
    if a.verify is None:
        print("edge-convert: not verified: give --verify to compare the files with MODEL", file=sys.stderr)
        return []

    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose(classes, len(classes) if a.verify_samples is None else a.verify_samples, a.seed)

    images = read_images(a.verify, ("test", "validation"), names, chosen)
    runs = {THE_MODEL: source.reference, **{m.path.name: file_reference(m.path) for m in made}}
    outputs, classes = _outputs(images, runs, source.input_shape, form)
    pairs = [(m, THE_MODEL, _budget(m, a.min_agreement, a.max_drop)) for m in made]
    for m in made:
        twin = m.path.with_suffix(".tflite").name
        if m.artifact.format == "onnx" and twin in outputs:
            pairs.append((m, twin, _budget(m, a.min_onnx_agreement, a.max_drop)))
    rows = [verify.compare(m.path.name, outputs[m.path.name], ref, outputs[ref], classes) for m, ref, _ in pairs]
    budgets = [budget for *_, budget in pairs]
    try:
        verify.gate(rows, budgets)
    except GateFailed as failed:
        exact = all(budget == verify.EXACT for row, budget in zip(rows, budgets, strict=True) if row.complaint(budget))
        raise GateFailed(str(failed) if exact else f"{failed}; {REMEDY}") from None
    return sorted(rows, key=lambda row: row.reference == THE_MODEL)


def _outputs(
    images: Images, runs: Mapping[str, Reference], shape: tuple[int, ...], form: InputFormat
) -> tuple[dict[str, Floats], NDArray[np.int64] | None]:
    """Run every image through everything; return (n, classes) outputs by name, and the true classes (n,)."""
    parts: dict[str, list[Floats]] = {name: [] for name in runs}
    seen: list[int] = []
    report = progress("verifying")
    for positions, inputs in images.batches(shape, form):
        seen += positions
        for name, run in runs.items():
            parts[name].append(run(inputs))
        report(positions[-1] + 1, len(images.ids))
    tell_corrupt([images.ids[i] for i in sorted(set(range(len(images.ids))) - set(seen))])
    if not seen:
        raise InvalidInput(f"none of the {len(images.ids)} images to verify on can be decoded")
    outputs = {name: np.concatenate(part) for name, part in parts.items()}
    return outputs, None if images.classes is None else images.classes[seen]


def _budget(made: Made, agreement: float, drop: float) -> verify.Budget:
    return verify.EXACT if made.artifact.precision == "float32" else verify.Budget(agreement, drop)


def _output_kind(a: argparse.Namespace, source: SourceModel, form: InputFormat) -> OutputKind:
    """Probabilities are never negative and sum to 1; one grey image tells."""
    if a.output is not None:
        kind: OutputKind = a.output
        return kind
    height, width, _ = _size(source, form)
    grey = Images(("grey",), None, lambda: iter([np.full((height, width, 3), 128, np.uint8)]))
    ((_, inputs),) = grey.inputs(source.input_shape, form)
    out = source.reference(inputs)
    return "probabilities" if out.min() >= 0 and abs(float(out.sum()) - 1) < 0.05 else "logits"


def _check_runs(made: list[Made], manifest: Manifest) -> None:
    """Raise InvalidInput for a file that the loop could not run: better here than on the device."""
    for m in made:
        with open_model(m.path) as model:
            Preprocessor(model.inputs[0], manifest.input)
            Classify(manifest.labels, manifest.output).check(model.outputs)


def _training(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {"training": {key: record[key] for key in ("accuracy", "images", "trainable", "macs") if key in record}}


def _provenance(a: argparse.Namespace, source: SourceModel, recipe: Recipe) -> dict[str, Any]:
    model = Path(a.model)
    digest = files.sha256(model) if model.is_file() else None
    return {
        "recipe": recipe.as_json(),
        "source": {"name": model.name, "sha256": digest, "trained": source.trained},
        "seed": a.seed,
        "tools": {"edgekit": __version__, **{name: v for name in TOOLS if (v := _version(name))}},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
