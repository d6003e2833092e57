"""What might mend an int8 file is tried: another method for the ranges, and the worst layers in float."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edge.calibration.tensor_ranges import METHODS, TensorRanges
from edge.deploy import _tensorflow_private as private
from edge.deploy import parity
from edge.deploy._tensorflow import need, quiet_conversion
from edge.deploy.conversion import float_layers, observe
from edge.deploy.conversion.post_training import FloatStages, set_ranges
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.deploy.explain.interpreter import Interpreter
from edge.deploy.explain.rewriting import compared_outputs, limits_of_outputs, returning
from edge.deploy.explain.sums import Effect, decibel, limited
from edge.deploy.samples import NetworkInfo, Sample
from edge.private_folders import PrivateFolder
from edge.tasks.base import Figures
from edge.tensors import Outputs

AS_CONVERTED = "as converted"
METHOD, LAYERS, BORDER = "method", "layers", "border"
"""What a trial changes: how ranges are computed, which layers are float, or the steps of the input and the output."""

BATCH = 8
"""Samples that the model answers at once."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """An int8 file that was made in another way, and how near it comes to the model.

    Attributes:
        what: what is different, AS_CONVERTED for the file itself.
        option: the option of ``edge-convert`` that makes it, empty where there is none.
        snr: the signal-to-noise ratio at the outputs, before a last softmax or sigmoid, in dB.
        figures: the comparison as the task does it.
        kind: what it changes: METHOD, LAYERS or BORDER.
    """

    what: str
    option: str
    snr: float
    figures: Figures
    kind: str = METHOD


@dataclass(frozen=True)
class Bench:
    """The samples on which trials are compared with the model.

    Attributes:
        source: the model.
        network: what the signature says of it.
        artifact: the int8 TFLite file as it was converted, whose tensor names the trials share.
        stages: the float files that it was made from.
        samples: the samples.
        expected: the model's outputs for each sample.
        exact: what the float file has at the compared outputs, for each sample.
    """

    source: SourceModel
    network: NetworkInfo
    artifact: ConvertedArtifact
    stages: FloatStages
    samples: Sequence[Sample]
    expected: Sequence[Outputs]
    exact: Sequence[Sequence[NDArray[Any]]]

    @classmethod
    def of(
        cls,
        source: SourceModel,
        network: NetworkInfo,
        artifact: ConvertedArtifact,
        stages: FloatStages,
        samples: Sequence[Sample],
    ) -> "Bench":
        """Return the bench with the answers of the model and of the float file, which all trials are compared with."""
        batches = (samples[i : i + BATCH] for i in range(0, len(samples), BATCH))
        expected = [outputs for batch in batches for outputs in parity.reference_outputs(source, batch)]
        exact = list(_compared(stages.calibrated, stages, source, samples))
        return cls(source, network, artifact, stages, samples, expected, exact)

    def trial(self, what: str, content: bytes, option: str = "", kind: str = METHOD) -> Trial:
        """Return how near a file comes to the model."""
        effect = Effect()
        found = _compared(content, self.stages, self.source, self.samples)
        for expected, got in zip(self.exact, found, strict=True):
            effect.add(expected, got)
        return Trial(what, option, decibel(1.0, effect.noise), self._figures(content), kind)

    def _figures(self, content: bytes) -> Figures:
        with PrivateFolder("explain") as folder:
            path = Path(folder) / "trial.tflite"
            path.write_bytes(content)
            with parity.open_session(replace(self.artifact, path=path), self.source.name, self.network) as session:
                comparer = session.task.comparer()
                for sample, expected in zip(self.samples, self.expected, strict=True):
                    comparer.add(expected, session.run(sample.inputs), sample.placement, sample.truth)
        return comparer.figures()


def _compared(
    content: bytes, stages: FloatStages, source: SourceModel, samples: Sequence[Sample]
) -> Iterator[list[NDArray[Any]]]:
    """Yield what a file has at the compared outputs for each sample, as real values."""
    outputs, limits = compared_outputs(stages.calibrated), limits_of_outputs(stages.calibrated)
    file = Interpreter(returning(content, outputs), inspected=False)
    for sample in samples:
        file.give(dict(zip(file.inputs, ordered(sample, source), strict=True)))
        file.run()
        found = zip(outputs, file.outputs, strict=True)
        yield [limited(file.real(index), limits.get(name)) for name, index in found]


def ordered(sample: Sample, source: SourceModel) -> list[NDArray[Any]]:
    """Return the inputs of a sample in the model's order, which is the order of the files."""
    return [sample.inputs[spec.name] for spec in source.inputs]


def other_methods(
    bench: Bench, method: str, rows: Callable[[], Sequence[Mapping[str, NDArray[Any]]]], progress: Progress
) -> Iterator[Trial]:
    """Try the methods for the ranges that the file was not made with. Its rounded weights stay.

    Args:
        bench: where the trials are compared.
        method: the method of the file.
        rows: returns the calibration samples, inputs by name in the model's order and with its dtypes.
        progress: takes the number of calibration samples done and their total.
    """
    for other in METHODS:
        if other != method:
            content = _with_ranges(bench.stages.prepared, rows(), other, progress)
            made = replace(bench.stages, prepared=content).int8
            yield from tried(bench, f"--method {other}", made, f"--method {other}")


def of_16_bits(bench: Bench, rows: Callable[[], Sequence[Mapping[str, NDArray[Any]]]]) -> Iterator[Trial]:
    """Try activations of 16 bits, whose 65,536 steps the input and the output have too.

    Args:
        bench: where the trial is compared.
        rows: returns the calibration samples, as in ``other_methods``.
    """
    samples = [list(row.values()) for row in rows()]

    def content() -> bytes:
        with quiet_conversion():
            return private.quantize_16(bench.stages.prepared, lambda: iter(samples), need("tensorflow").int16)

    yield from tried(bench, "--tflite int16x8", content, "--tflite int16x8", BORDER)


def tried(bench: Bench, what: str, make: Callable[[], bytes], option: str, kind: str = METHOD) -> Iterator[Trial]:
    """Yield one trial, or nothing where TFLite does not make or run such a file, which then mends nothing."""
    try:
        found = bench.trial(what, make(), option, kind)
    except RuntimeError:
        return
    yield found


def _with_ranges(prepared: bytes, rows: Sequence[Mapping[str, NDArray[Any]]], method: str, progress: Progress) -> bytes:
    file = TFLiteObject(prepared)
    inputs = set(file.inputs())  # they hold what pixels can be, not only what the samples hold
    ranges = TensorRanges([index for index in file.ranged() if index not in inputs], file.border(), method)
    for done, value in enumerate(observe.values(prepared, rows), 1):
        ranges.observe(value)
        progress(done, len(rows))
    set_ranges(file, ranges)
    return file.to_bytes()


def in_float(bench: Bench, tensors: Collection[str], what: str) -> Iterator[Trial]:
    """Try the file with the layers that compute some tensors in float, and what reads them."""
    prepared = bench.stages.prepared
    kept = float_layers.kept_float(TFLiteObject(prepared), tensors)
    option = f"--float-layers {_layers([*bench.stages.kept, *tensors])}"
    yield from tried(bench, what, partial(bench.stages.int8, kept), option, LAYERS)


def border_in_float(bench: Bench, tensors: Collection[str]) -> Iterator[Trial]:
    """Try the file with a float border, and in float what reads the inputs or computes the outputs in ``tensors``."""
    file = TFLiteObject(bench.stages.prepared)
    inputs = {file.name(index) for index in file.inputs()} & set(tensors)
    read = {name for name in inputs for name in _readers(file, name)}
    computed = [*read, *(name for name in tensors if name not in inputs)]
    kept = float_layers.kept_float(file, computed)
    option = f"--float-layers {_layers([*bench.stages.kept, *computed])} --io float32"
    yield from tried(bench, option, partial(bench.stages.int8, kept, "float32"), option, BORDER)


def _layers(tensors: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(map(float_layers.layer_name, tensors)))


def _readers(file: TFLiteObject, tensor: str) -> list[str]:
    index = file.names()[tensor]
    return [file.name(int(op.outputs[0])) for _, op in file.operations() if index in map(int, op.inputs)]
