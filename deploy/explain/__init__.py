"""``explain`` walks an int8 file layer by layer beside its float network, and tries what might mend it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.conversion.post_training import FloatStages
from edge.deploy.conversion.recipe import CALIBRATED, ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.tensor_names import find_names
from edge.deploy.explain import advice, trials
from edge.deploy.explain.explanation import Explanation
from edge.deploy.explain.layer_errors import INPUT, LayerError, measure
from edge.deploy.explain.trials import AS_CONVERTED, Bench, Trial
from edge.deploy.samples import NetworkInfo, Sample, Samples
from edge.errors import InputError
from edge.manifest import Artifact, StoredFile

__all__ = ["Explanation", "Subject", "explain", "without_use"]

WALKED = 8
"""Samples on which every layer is measured. Each takes one run of the network for each layer."""

TRIED = 48
"""Samples on which the trials are compared with the model."""


@dataclass(frozen=True)
class Subject:
    """The int8 file that is explained, and what it was made from.

    Attributes:
        source: the model.
        network: what the signature says of it.
        folder: where the conversion has its files.
        method: how the ranges were computed.
        calibration: the samples that they were computed from.
        samples: returns up to so many samples to measure on.
        int8_only: whether the device runs int8 layers alone, so that none is tried in float.
    """

    source: SourceModel
    network: NetworkInfo
    folder: Path
    method: str
    calibration: Samples
    samples: Callable[[int], Iterable[Sample]]
    int8_only: bool = False


def without_use(source: SourceModel) -> str:
    """Return why ``--explain`` has no use for a model, or an empty text. Float .tflite files are float networks."""
    if source.file is not None and source.file.suffix == ".onnx":
        return of_onnx(source.file.name)
    if source.file is not None and source.precision in CALIBRATED:
        return of_integers(source.file.name)
    if source.quantize_aware:
        return f"the ranges of {source.name} were trained, and there is no float network to compare its layers with"
    return ""


def of_onnx(name: str) -> str:
    """Return why there is no use for an .onnx file."""
    return f"the layers of a TFLite file are compared, and {name} is an .onnx file; --tflite int8 makes one of it"


def of_integers(name: str) -> str:
    """Return why there is no use for a quantized file."""
    return f"{name} has no float network beside it to compare its layers with"


def explain(subject: Subject, progress: Callable[[str], Callable[[int, int], None]]) -> Explanation:
    """Measure every layer of the int8 file, and try other ways to make it.

    Args:
        subject: the file.
        progress: takes the name of a stage and returns a function of (steps done, steps in total).

    Raises:
        InputError: there is no sample to measure on.
    """
    samples = list(subject.samples(TRIED))
    if not samples:
        raise InputError("--explain needs a sample that can be decoded, got none")
    stages = FloatStages.load(subject.folder)
    int8 = stages.int8()
    walked = [trials.ordered(sample, subject.source) for sample in samples[:WALKED]]
    layers = tuple(measure(stages.calibrated, int8, walked, progress("explaining")))
    path = subject.folder / "model_int8.tflite"
    artifact = Artifact("tflite", "int8", (StoredFile(path.name),), "cpu", find_names(path, subject.source))
    bench = Bench.of(subject.source, subject.network, ConvertedArtifact(path, artifact), stages, samples)
    plain = Explanation(path.name, len(walked), layers, (bench.trial(AS_CONVERTED, int8),))
    return replace(plain, trials=(*plain.trials, *_tried(subject, bench, plain.worst, progress("trying"))))


def _tried(
    subject: Subject, bench: Bench, worst: Sequence[LayerError], progress: Callable[[int, int], None]
) -> Iterator[Trial]:
    """Yield the other methods for the ranges, then the worst layer and up to three in float."""
    order = {spec.name: spec.dtype for spec in subject.source.inputs}

    def rows() -> list[dict[str, NDArray[Any]]]:
        read = (sample for sample in subject.calibration.read() if sample is not None)
        return [{name: np.ascontiguousarray(one.inputs[name], dtype) for name, dtype in order.items()} for one in read]

    yield from trials.other_methods(bench, subject.method, rows, progress)
    if advice.at_border(worst):
        border = [layer.tensor for layer in worst if advice.is_border(layer) and layer.share >= advice.PART]
        yield from trials.border_in_float(bench, border)
        yield from trials.of_16_bits(bench, rows)
    inner = [layer for layer in worst if layer.operation != INPUT and not advice.is_border(layer)]
    for count in () if subject.int8_only else (1, 3):
        kept = inner[:count]
        if len(kept) >= min(count, 2):
            what = f"with {kept[0].layer} in float" if count == 1 else f"with the worst {len(kept)} layers in float"
            yield from trials.in_float(bench, [layer.tensor for layer in kept], what)
