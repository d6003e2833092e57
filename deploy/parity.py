"""The verification gate runs each converted file on real samples and compares its outputs with the model's.

An ONNX file is also compared with the TFLite file that it was made from. Each file runs in a ``Session``, as it will
on a device: inputs are quantized and outputs dequantized at its border. The task decides how two outputs are compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge import backends
from edge.calibration.sampling import choose_samples
from edge.deploy import verify
from edge.deploy.conversion import reference
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.conversion.source import SourceModel
from edge.deploy.samples import VERIFICATION, NetworkInfo, Sample, Samples, open_samples
from edge.errors import GateFailed, InputError
from edge.pictures import left_out
from edge.runnable import Runnable
from edge.session import Session, SessionOptions
from edge.tasks.base import Budget, Comparer, Task
from edge.tensors import Outputs, Tensor

THE_MODEL = "the model"
REMEDY = (
    "more samples for --calibrate, --float-layers or quantization-aware training (edge-compress --qat, for models of "
    "Keras 2) may mend it, and --explain says which; "
    "--min-agreement, --min-onnx-agreement and --max-drop allow more"
)
"""Advice for an int8 file over its budget. A float32 file that differs was converted wrongly, and gets no advice."""

MOST_BYTES = 64 << 20
"""The most bytes that the inputs and outputs of one batch may take."""


@dataclass(frozen=True)
class Gate:
    """The verification samples and the budgets that each file must keep.

    Attributes:
        data: a folder or file of samples.
        samples: the largest number of samples to compare on. None takes all.
        seed: the seed of the random choice of samples.
        min_agreement: the least agreement of an int8 file with the model, in the unit of the task's measure. None
            takes the task's default.
        min_onnx_agreement: the least agreement of an int8 ONNX file with its TFLite file. None allows a quarter of
            the disagreement that the task allows.
        max_drop: the most quality that an int8 file may lose, in the quality's unit. None takes the task's default.
    """

    data: Path
    samples: int | None = None
    seed: int = 0
    min_agreement: float | None = None
    min_onnx_agreement: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        for name in ("min_agreement", "min_onnx_agreement"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 100:
                raise InputError(f"--{name.replace('_', '-')} must be 0 to 100 percent, or dB, got {value}")
        if self.max_drop is not None:
            verify.check(Budget(0, self.max_drop))

    def limits(
        self, converted: ConvertedArtifact, task: Task, unit: str, twin: bool, reencoded: bool = False
    ) -> verify.Limits:
        """Return the limits of one comparison.

        Args:
            converted: the file that is compared.
            task: the network's task, whose budget is the default.
            unit: the unit of the task's measure: ``%``, ``dB`` or nothing.
            twin: whether an ONNX file is compared with its TFLite file, rather than a file with the model.
            reencoded: whether a TFLite file holds the model's own integers.

        Returns:
            The budget, and for a float32 file and a re-encoded one the demand that it computes the same as its
            reference.
        """
        budget = verify.of_twins(task.budget, unit) if twin else task.budget
        agreement = self.min_onnx_agreement if twin else self.min_agreement
        budget = budget if agreement is None else budget._replace(agreement=agreement)
        budget = budget if self.max_drop is None else budget._replace(drop=self.max_drop)
        same = reencoded and converted.artifact.format == "tflite"
        return verify.Limits(budget, exact=same or converted.artifact.precision == "float32")


def open_session(converted: ConvertedArtifact, name: str, network: NetworkInfo) -> Session:
    """Open a converted file as it will run on the device.

    Args:
        converted: the file.
        name: the network's name.
        network: its signature and labels.

    Raises:
        InputError: the file does not fit the signature and labels.
    """
    artifact = converted.artifact
    runnable = Runnable(converted.path, name, network.signature, artifact.precision, network.labels, artifact.tensors)
    return Session(runnable, backends.for_file(converted.path), backends.default_threads(), SessionOptions())


@dataclass(frozen=True)
class Verification:
    """What the gate found.

    Attributes:
        rows: one comparison per pair of files with the limits that it must keep. Those with the model come last.
        failure: the error that says which limits are exceeded. None when all are kept.
    """

    rows: tuple[tuple[verify.Comparison, verify.Limits], ...] = ()
    failure: GateFailed | None = None

    @property
    def comparisons(self) -> list[verify.Comparison]:
        """The comparisons without their limits."""
        return [row for row, _ in self.rows]


Watch = Callable[[Sample, Mapping[str, Outputs]], None]
"""A function that sees each sample with the outputs of THE_MODEL and of each file, by name."""


def verification_samples(gate: Gate, network: NetworkInfo, count: int | None) -> Samples:
    """Open the gate's samples, and choose up to ``count`` of them, or all for None."""

    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose_samples(classes, len(classes) if count is None else count, gate.seed)

    return open_samples(gate.data, network, VERIFICATION, chosen)


def compare_files(
    gate: Gate,
    samples: Samples,
    source: SourceModel,
    converted: Sequence[ConvertedArtifact],
    network: NetworkInfo,
    report: Callable[[str], None],
    progress: Callable[[int, int], None],
    watch: Watch = lambda sample, outputs: None,
) -> Verification:
    """Compare every file with the model, and each ONNX file with its TFLite file.

    Args:
        gate: the budgets.
        samples: the samples to compare on.
        source: the model.
        converted: the files.
        network: what is known of the network.
        report: takes one line for the user: what was assumed, or which samples cannot be decoded.
        progress: takes the number of samples done and their total.
        watch: sees each sample with all outputs.

    Raises:
        GateFailed: outputs cannot be compared, because they are not finite.
        InputError: there is no sample to compare on.
    """
    for note in samples.notes:
        report(note)
    with ExitStack() as opened:
        sessions = {m.path.name: opened.enter_context(open_session(m, source.name, network)) for m in converted}
        task = next(iter(sessions.values())).task
        pairs = _pairs(converted)
        comparers = [task.comparer() for _ in pairs]
        missing = _compare(samples, source, sessions, list(zip(pairs, comparers, strict=True)), progress, watch)
    if missing:
        report(left_out(missing, samples.noun))
    if len(missing) == len(samples.ids):
        raise InputError(f"none of the {len(samples.ids)} {samples.noun}s to verify on can be decoded")
    rows = [verify.Comparison(m.path.name, ref, c.figures()) for (m, ref), c in zip(pairs, comparers, strict=True)]
    limits = [
        gate.limits(m, task, row.figures.unit, ref != THE_MODEL, source.reencoded)
        for (m, ref), row in zip(pairs, rows, strict=True)
    ]
    checked = sorted(zip(rows, limits, strict=True), key=lambda row: row[0].reference == THE_MODEL)
    return Verification(tuple(checked), _failure(rows, limits))


def _pairs(converted: Sequence[ConvertedArtifact]) -> list[tuple[ConvertedArtifact, str]]:
    """Return each file with its references: the model, and for an ONNX file its TFLite file, if there is one."""
    names = {m.path.name for m in converted}
    pairs = [(m, THE_MODEL) for m in converted]
    for m in converted:
        twin = m.path.with_suffix(".tflite").name
        if m.artifact.format == "onnx" and twin in names:
            pairs.append((m, twin))
    return pairs


def _compare(
    samples: Samples,
    source: SourceModel,
    sessions: Mapping[str, Session],
    pairs: Sequence[tuple[tuple[ConvertedArtifact, str], Comparer]],
    progress: Callable[[int, int], None],
    watch: Watch,
) -> list[str]:
    """Run the model and all files on every sample; return the ids of the samples that cannot be decoded."""
    missing: list[str] = []
    done = 0
    progress(done, len(samples.ids))  # the model itself answers a whole batch first
    for batch, done in _batches(samples, source, missing):
        for position, (sample, expected) in enumerate(zip(batch, reference_outputs(source, batch), strict=True)):
            progress(done - len(batch) + position, len(samples.ids))
            outputs: dict[str, Outputs] = {name: one.run(sample.inputs) for name, one in sessions.items()}
            outputs[THE_MODEL] = expected
            for (converted, ref), comparer in pairs:
                _add(comparer, converted.path.name, ref, outputs, sample)
            watch(sample, outputs)
        progress(done, len(samples.ids))
    if done < len(samples.ids):  # the last ones cannot be decoded
        progress(len(samples.ids), len(samples.ids))
    return missing


def _add(comparer: Comparer, name: str, ref: str, outputs: Mapping[str, Outputs], sample: Sample) -> None:
    try:
        comparer.add(outputs[ref], outputs[name], sample.placement, sample.truth)
    except GateFailed as failed:
        raise GateFailed(f"{name} cannot be compared with {ref} on {sample.id}: {failed}") from failed


def _batches(samples: Samples, source: SourceModel, missing: list[str]) -> Iterator[tuple[list[Sample], int]]:
    """Yield batches for the model, each with the number of samples read so far.

    Args:
        samples: the samples to read.
        source: the model, whose inputs and outputs limit the batch size.
        missing: a list to which the ids of samples that cannot be decoded are appended.
    """
    values = sum(int(np.prod(spec.shape)) for spec in (*source.inputs, *source.outputs))
    size = max(1, min(reference.LARGEST_BATCH, MOST_BYTES // (4 * values)))
    batch: list[Sample] = []
    done = 0
    for done, (name, sample) in enumerate(zip(samples.ids, samples.read(), strict=True), 1):
        if sample is None:
            missing.append(name)
        else:
            batch.append(sample)
        if len(batch) == size:
            yield batch, done
            batch = []
    if batch:
        yield batch, done


def _stacked(batch: Sequence[Sample]) -> dict[str, NDArray[np.generic]]:
    return {name: np.concatenate([sample.inputs[name] for sample in batch]) for name in batch[0].inputs}


def reference_outputs(source: SourceModel, samples: Sequence[Sample]) -> list[Outputs]:
    """Return the model's outputs for each sample, in the form of a session's outputs, as real values."""
    expected = source.reference(_stacked(samples))
    return [_as_outputs(source, expected, position) for position in range(len(samples))]


def _as_outputs(source: SourceModel, expected: reference.Arrays, position: int) -> Outputs:
    """Return the model's outputs for one sample in the form of a session's outputs, as real values."""
    arrays = reference.sample(expected, source.outputs, position)
    specs = {spec.name: replace(spec, quantization=None, dtype=arrays[spec.name].dtype) for spec in source.outputs}
    return {name: Tensor(array, specs[name]) for name, array in arrays.items()}


def _failure(rows: Sequence[verify.Comparison], limits: Sequence[verify.Limits]) -> GateFailed | None:
    """Return the error when a comparison is over its limits; the message gives advice where an int8 file is."""
    try:
        verify.gate(rows, limits)
    except GateFailed as failed:
        over = [limit for row, limit in zip(rows, limits, strict=True) if row.complaint(limit)]
        exact = all(limit.exact for limit in over)
        return GateFailed(str(failed) if exact else f"{failed}; {REMEDY}")
    return None
