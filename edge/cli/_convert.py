"""The work of ``edge-convert``: source, recipe, files, gate, bundle."""

import argparse
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge import __version__, files, labels
from edge.bundle import Manifest, OutputKind, write_bundle
from edge.calibration.samples import choose
from edge.cli._images import Images, read_images
from edge.deploy import verify
from edge.deploy.convert import recipe as recipes
from edge.deploy.convert.recipe import Made, Recipe
from edge.deploy.convert.source import SourceModel, file_reference, open_source
from edge.errors import FileProblem, InvalidInput
from edge.imaging import InputFormat

TOOLS = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "ai-edge-litert", "onnxruntime")


def convert(a: argparse.Namespace) -> dict[str, Any]:
    """Run the whole command; return the report. Nothing is written to ``a.out`` unless the gate passes."""
    _check_out(a.out)
    verify.Budget(a.min_agreement, a.max_drop)  # refuses what is no budget before the work, not after it
    source = open_source(a.model, a.trust)
    form = input_format(a, source)
    names = _labels(a, source)
    recipe = _recipe(a, source)
    calibration = _calibration(a, source, recipe, names)
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as scratch:
        samples = recipes.calibration_inputs(calibration.pixels, form.mean, form.std) if calibration else None
        made = recipes.make(source, recipe, samples, Path(scratch))
        comparisons = _verify(a, source, made, form, names)
        ids = list(calibration.ids) if calibration else []
        measured = {"parity": [c.as_json() for c in comparisons], **_training(source)}
        manifest = Manifest(
            name=a.name or source.name,
            task="classify",
            labels=names,
            size=_size(source),
            input=form,
            output=_output_kind(a, source, form),
            artifacts=tuple(m.artifact for m in made),
            provenance={**_provenance(a, recipe), "calibration": ids},
            measured=measured,
        )
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
    """Return how pixels become this model's input: what was said, else the training record, else -1 to 1."""
    if len(source.input_shape) != 4:
        raise InvalidInput(f"an image model's input must be (1, height, width, channels), got {source.input_shape}")
    record = source.record or {}
    channels = source.input_shape[-1]
    form = InputFormat(
        colour=a.colour or ("GRAY" if channels == 1 else "RGB"),
        mean=a.mean or tuple(record.get("mean", (127.5,))),
        std=a.std or tuple(record.get("std", (127.5,))),
        resize=a.resize,
    )
    if channels != (1 if form.colour == "GRAY" else 3):
        raise InvalidInput(f"colour {form.colour} does not fit the model's {channels} input channel(s)")
    for name, values in (("mean", form.mean), ("std", form.std)):
        if len(values) not in (1, channels):
            raise InvalidInput(f"--{name} must be one number or {channels}, got {len(values)}")
    return form


def _labels(a: argparse.Namespace, source: SourceModel) -> tuple[str, ...]:
    path = a.labels or source.labels or Path(a.model).with_name("labels.txt")
    if a.labels is None and not path.is_file():
        return tuple(str(index) for index in range(source.classes))
    names = labels.read(path)
    labels.check_count(names, source.classes, str(path))
    return tuple(names)


def _recipe(a: argparse.Namespace, source: SourceModel) -> Recipe:
    if a.tflite is None and a.onnx is None:
        return recipes.default_recipe(source, a.calibrate is not None)
    split = (tuple(filter(None, (text or "").split(","))) for text in (a.tflite, a.onnx))
    return Recipe(*split)


def _size(source: SourceModel) -> tuple[int, int, int]:
    _, height, width, channels = source.input_shape
    return height, width, channels


def _calibration(a: argparse.Namespace, source: SourceModel, recipe: Recipe, names: tuple[str, ...]) -> Images | None:
    """Return the calibration images, chosen before they are decoded; None when the recipe needs none."""
    if "int8" not in recipe.precisions or source.quantize_aware or source.file is not None:
        return None
    if a.calibrate is None:
        raise InvalidInput("int8 needs real images to fit its ranges to: give --calibrate DIR, ZIP or NPZ")
    return read_images(a.calibrate, _size(source), "train", names, lambda c: choose(c, a.samples, a.seed))


def _verify(
    a: argparse.Namespace, source: SourceModel, made: list[Made], form: InputFormat, names: tuple[str, ...]
) -> list[verify.Comparison]:
    """Compare every file with the source, each ONNX file with its TFLite twin too, and hold them to the budgets."""
    if a.verify is None:
        print("edge-convert: not verified: give --verify to compare the files with MODEL", file=sys.stderr)
        return []
    limit = a.verify_samples

    def some(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose(classes, len(classes) if limit is None else limit, a.seed)

    chosen = read_images(a.verify, _size(source), "test", names, some)
    inputs = np.concatenate(list(recipes.calibration_inputs(chosen.pixels, form.mean, form.std)))
    expected = source.reference(inputs)
    outputs = {m.path.name: file_reference(m.path)(inputs) for m in made}
    pairs = [(m, "the model", expected, _budget(a, m)) for m in made]
    for m in made:
        twin = m.path.with_suffix(".tflite").name
        if m.artifact.format == "onnx" and twin in outputs:
            pairs.append((m, twin, outputs[twin], verify.Budget(99.5, 0.5)))
    rows = [verify.compare(m.path.name, outputs[m.path.name], name, ref, chosen.classes) for m, name, ref, _ in pairs]
    verify.gate(rows, [budget for *_, budget in pairs])
    return sorted(rows, key=lambda row: row.reference == "the model")


def _budget(a: argparse.Namespace, made: Made) -> verify.Budget:
    if made.artifact.precision == "float32":
        return verify.EXACT
    return verify.Budget(a.min_agreement, a.max_drop)


def _output_kind(a: argparse.Namespace, source: SourceModel, form: InputFormat) -> OutputKind:
    """Probabilities are never negative and sum to 1; one grey image tells."""
    if a.output is not None:
        kind: OutputKind = a.output
        return kind
    grey = np.full((1, *_size(source)), 128, np.uint8)
    out = source.reference(np.concatenate(list(recipes.calibration_inputs(grey, form.mean, form.std))))
    return "probabilities" if out.min() >= 0 and abs(float(out.sum()) - 1) < 0.05 else "logits"


def _training(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {"training": {key: record[key] for key in ("accuracy", "images", "trainable", "macs") if key in record}}


def _provenance(a: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    model = Path(a.model)
    digest = files.sha256(model) if model.is_file() else None
    return {
        "recipe": recipe.as_json(),
        "source": {"name": model.name, "sha256": digest},
        "seed": a.seed,
        "tools": {"edgekit": __version__, **{name: v for name in TOOLS if (v := _version(name))}},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
