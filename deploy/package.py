"""``convert`` turns a model into a bundle of verified files.

It opens the model, finds its signature and labels, converts it by the recipe, verifies each file against the model,
and writes the bundle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edge import __version__, decoders, files, golden
from edge.bundle import write_bundle
from edge.deploy import calibrating, conversion_report, metadata, network_meaning, parity, pixel_ranges, plan, targets
from edge.deploy._threads import one_blas_thread
from edge.deploy.conversion import produce
from edge.deploy.conversion.output_limits import Limits, limits_of
from edge.deploy.conversion.recipe import ConvertedArtifact, Recipe
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion_options import Callbacks, ConversionOptions
from edge.deploy.conversion_report import AnswerCollector, Facts, Stopwatch
from edge.deploy.explain import request
from edge.deploy.samples import NetworkInfo, Sample, Samples, arrays
from edge.deploy.spot_check import spot_check
from edge.manifest import Manifest
from edge.pictures import left_out
from edge.private_folders import PrivateFolder
from edge.tensors import Outputs

TOOLS = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "tf2onnx", "onnx", "ai-edge-litert", "onnxruntime")
RECORDED = ("headline", "figures", "accuracy", "images", "trainable", "macs")
"""Entries of the training record that the bundle keeps."""


def convert(model: Any, options: ConversionOptions, callbacks: Callbacks | None = None) -> Manifest:
    """Convert a model, verify the files and write the bundle. Nothing is written when a file fails the gate.

    Args:
        model: a file, folder or name that ``open_source`` opens, or a Keras model.
        options: which files to make, and how.
        callbacks: functions that get the messages and the progress. None drops both.

    Returns:
        The manifest as written, with sizes and digests.

    Raises:
        InputError: the model, the data or an option does not fit.
        FileError: a file cannot be read or written.
        GateFailed: a converted file differs from the model by more than the gate allows.
    """
    callbacks = callbacks or Callbacks()
    plan.check_out(options.out)
    if options.report is not None:
        conversion_report.check_folder(options.report, options.out)
    stopwatch = Stopwatch()
    source = plan.opened(model, options, callbacks)
    arrays.check_names(options.data, source.inputs)
    recipe = plan.recipe_of(options, source, callbacks)
    options = replace(options, explain=options.explain and request.fits(options, source, recipe, callbacks))
    with PrivateFolder("convert") as folder, one_blas_thread():
        network, notes = network_meaning.network_of(options, source, folder, callbacks.report)
        calibration = calibrating.samples(options.calibration, network, source, recipe, callbacks)
        checked = _verification(options, network)
        data = _data(options, calibration, checked)
        network, assumed = network_meaning.with_class_names(network, data, callbacks.report)
        stopwatch.ended("reading the model")
        converted, used = _convert(options, source, recipe, network, calibration, folder, callbacks)
        name, made = options.name or source.name, _made_here(converted, source)
        metadata.add(made, name, network.signature, network.labels, callbacks.report)
        stopwatch.ended("converting")
        collector = AnswerCollector.of(network, converted) if options.report else None
        verification = _verify(options, checked, source, converted, network, callbacks, collector)
        if options.gate is None and calibration:
            spot_check(calibration, source, converted, network, callbacks.report)
        stopwatch.ended("verifying")
        explanation = request.explained(options, source, calibration, network, folder, callbacks)
        if explanation:
            stopwatch.ended("explaining")
        provenance = {**_provenance(model, options, source, recipe), "assumed": [*notes, *assumed], "calibration": used}
        if collector is not None:
            conversion_report.write(
                Facts(
                    options, source, network, provenance, converted, verification, explanation, collector,
                    stopwatch.stages,
                ),
                callbacks.progress("reporting"),
            )  # fmt: skip
        if verification.failure:
            raise verification.failure
        converted, sources = _finished(options, converted, source, network, folder, callbacks)
        measured = {"parity": [c.as_json() for c in verification.comparisons], **_training(source)}
        manifest = Manifest(
            name, network.signature, network.labels, tuple(one.artifact for one in converted), provenance, measured
        )
        return write_bundle(options.out, manifest, sources)


def _convert(
    options: ConversionOptions,
    source: SourceModel,
    recipe: Recipe,
    network: NetworkInfo,
    calibration: Samples | None,
    folder: Path,
    callbacks: Callbacks,
) -> tuple[list[ConvertedArtifact], list[str]]:
    """Convert the files. Without explicit precisions, an ONNX file that cannot be made is reported and left out.

    Returns:
        The files, and the ids of the samples that calibrated them.
    """
    used: list[str] = []
    pixels = pixel_ranges.of_pixels(network)
    rows = calibrating.decoded(calibration, used, pixels) if calibration else None
    report = None if options.tflite is not None or options.onnx is not None else callbacks.report
    progress, bounds = callbacks.progress("calibrating"), pixel_ranges.bounds_of(network, recipe.io == "uint8")
    converted = produce.make(source, recipe, rows, folder, progress, report, bounds, _limits(network))
    pixel_ranges.report_first([pixels], callbacks.report)
    if calibration and used:
        known = set(used)
        if missing := [name for name in calibration.ids if name not in known]:
            callbacks.report(left_out(missing, calibration.noun))
    return converted, used


def _limits(network: NetworkInfo) -> Limits:
    """Return what the outputs need to hold for the task's decoder."""
    signature = network.signature
    decoder = decoders.load(signature.task.decoder)(signature) if signature.task.decoder else None
    return limits_of(signature.outputs, decoder)


def _made_here(converted: Sequence[ConvertedArtifact], source: SourceModel) -> list[ConvertedArtifact]:
    """Return the files without the one that somebody else finished, which stays as it is."""
    finished = source.file.read_bytes() if source.file and not source.temporary else None
    return [one for one in converted if one.path.read_bytes() != finished]


def _data(
    options: ConversionOptions, calibration: Samples | None, checked: Samples | None
) -> list[tuple[Path, Samples | None]]:
    """Return the paths of the data sets with the samples that were chosen from them."""
    found = ((options.gate, checked), (options.calibration, calibration))
    return [(part.data, samples) for part, samples in found if part is not None]


def _verify(
    options: ConversionOptions,
    samples: Samples | None,
    source: SourceModel,
    converted: Sequence[ConvertedArtifact],
    network: NetworkInfo,
    callbacks: Callbacks,
    collector: AnswerCollector | None,
) -> parity.Verification:
    ranges = pixel_ranges.of_files(converted, network)
    if options.gate is None or samples is None:
        callbacks.report("not verified: give --verify to compare the files with MODEL")
        calibrating.check_pixels(options, source, network, ranges, callbacks)
        return parity.Verification()

    def watch(sample: Sample, outputs: Mapping[str, Outputs]) -> None:
        for found in ranges:
            found.observe(sample.inputs)
        if collector:
            collector.watch(sample, outputs)

    progress = callbacks.progress("verifying")
    verification = parity.compare_files(
        options.gate, samples, source, converted, network, callbacks.report, progress, watch
    )
    pixel_ranges.report_first(ranges, callbacks.report)
    return verification


def _verification(options: ConversionOptions, network: NetworkInfo) -> Samples | None:
    """Return the samples to verify on. None where no data are given for that."""
    gate = options.gate
    return None if gate is None else parity.verification_samples(gate, network, gate.samples)


def _finished(
    options: ConversionOptions,
    converted: Sequence[ConvertedArtifact],
    source: SourceModel,
    network: NetworkInfo,
    folder: Path,
    callbacks: Callbacks,
) -> tuple[list[ConvertedArtifact], dict[str, Path]]:
    """Return the artifacts with golden files, also the Edge TPU's where its compiler is, and all paths by name."""
    made, sources = _with_golden(converted, source, network, folder)
    if options.target:
        compiled = targets.for_edge_tpu(options.target, made, folder, callbacks.report)
        made += compiled
        sources |= {each.path.name: each.path for each in compiled}
    return made, sources


def _with_golden(
    converted: Sequence[ConvertedArtifact], source: SourceModel, network: NetworkInfo, folder: Path
) -> tuple[list[ConvertedArtifact], dict[str, Path]]:
    """Return the artifacts with golden inputs and outputs, and the path of every file by its name in the bundle.

    Each file runs once, as it will on the device. Raises InputError for a file that cannot run.
    """
    found: list[ConvertedArtifact] = []
    sources = {each.path.name: each.path for each in converted}
    for each in converted:
        with parity.open_session(each, source.name, network) as session:
            entry, written = golden.make(session, folder, each.path.name)
        sources |= written
        found.append(replace(each, artifact=replace(each.artifact, golden=entry)))
    return found, sources


def _training(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {"training": {key: record[key] for key in RECORDED if key in record}}


def _provenance(model: Any, options: ConversionOptions, source: SourceModel, recipe: Recipe) -> dict[str, Any]:
    path = Path(model) if isinstance(model, str | Path) else Path(source.name)
    given = str(model) if isinstance(model, str | Path) else None
    origin = {"name": path.name, "trained": source.trained, "sha256": None, "bytes": None}
    if given and path.is_file():
        origin |= {"sha256": files.sha256(path), "bytes": path.stat().st_size}
    return {
        "recipe": recipe.as_json(),
        "request": {"model": given, **options.as_json()},
        "source": origin,
        "seed": next((part.seed for part in (options.calibration, options.gate) if part), 0),
        "tools": {"edgekit": __version__, **{name: v for name in TOOLS if (v := _version(name))}},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
