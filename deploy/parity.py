"""Every converted file run on real samples beside its source, and each ONNX file beside its TFLite twin.

The files run as they do on a device: in a ``Session``, opened once, with quantization at their border. How two answers
compare is the task's own.
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
from edge.deploy.convert import reference
from edge.deploy.convert.recipe import Made
from edge.deploy.convert.source import SourceModel
from edge.deploy.samples import VERIFICATION, Sample, Samples, Wanted, open_samples
from edge.errors import GateFailed, InputError
from edge.pictures import left_out
from edge.runnable import Runnable
from edge.session import Session, SessionOptions
from edge.tasks.base import Budget, Comparer, Task
from edge.tensors import Outputs, Tensor

THE_MODEL = "the model"
REMEDY = (
    "quantization-aware training (edge-compress --qat) or more --samples for --calibrate may mend it; "
    "--min-agreement, --min-onnx-agreement and --max-drop allow more"
)
"""For int8. Where float32 differs, the conversion is wrong, and no allowance makes it right."""

LARGEST_BATCH = 256
MOST_BYTES = 64 << 20
"""Inputs and outputs of a batch that the model is run on."""


@dataclass(frozen=True)
class Gate:
    """What the files are held to.

    Attributes:
        data: the samples to compare on.
        samples: at most so many of them, None for all.
        seed: of their choice.
        min_agreement: of an int8 file with the model, in the unit of the task's measure; None for the task's own.
        min_onnx_agreement: of an int8 ONNX file with its TFLite twin; None for a quarter of what the task allows.
        max_drop: of quality, that an int8 file may lose, in its unit; None for the task's own.
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

    def limits(self, made: Made, task: Task, unit: str, twin: bool) -> verify.Limits:
        """Return what a file is held to: float32 to the same arithmetic, int8 to the task's budget or what was said."""
        budget = verify.of_twins(task.budget, unit) if twin else task.budget
        said = self.min_onnx_agreement if twin else self.min_agreement
        budget = budget if said is None else replace(budget, agreement=said)
        budget = budget if self.max_drop is None else replace(budget, drop=self.max_drop)
        return verify.Limits(budget, exact=made.artifact.precision == "float32")


def session(made: Made, name: str, wanted: Wanted) -> Session:
    """Open a converted file as the loop will run it. Raises InputError when file, signature and labels do not fit."""
    artifact = made.artifact
    runnable = Runnable(made.path, name, wanted.signature, artifact.precision, wanted.labels, artifact.tensors)
    return Session(runnable, backends.for_file(made.path), backends.default_threads(), SessionOptions())


def hold(
    gate: Gate,
    source: SourceModel,
    made: Sequence[Made],
    wanted: Wanted,
    tell: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> list[verify.Comparison]:
    """Return how every file compares, those with the model last.

    Args:
        gate: samples and budgets.
        source: the model.
        made: the files.
        wanted: what samples are for.
        tell: gets what was assumed, and the line that names samples that cannot be decoded.
        progress: gets samples done and in all.

    Raises:
        GateFailed: a file is over its budget.
        InputError: there is no sample to compare on.
    """

    def chosen(classes: NDArray[np.int64]) -> NDArray[np.int64]:
        return choose_samples(classes, len(classes) if gate.samples is None else gate.samples, gate.seed)

    samples = open_samples(gate.data, wanted, VERIFICATION, chosen)
    for note in samples.notes:
        tell(note)
    with ExitStack() as opened:
        sessions = {m.path.name: opened.enter_context(session(m, source.name, wanted)) for m in made}
        task = next(iter(sessions.values())).task
        pairs = _pairs(made)
        comparers = [task.comparer() for _ in pairs]
        missing = _compare(samples, source, sessions, list(zip(pairs, comparers, strict=True)), progress)
    if missing:
        tell(left_out(missing, samples.noun))
    if len(missing) == len(samples.ids):
        raise InputError(f"none of the {len(samples.ids)} {samples.noun}s to verify on can be decoded")
    rows = [verify.Comparison(m.path.name, ref, c.figures()) for (m, ref), c in zip(pairs, comparers, strict=True)]
    _judge(
        rows, [gate.limits(m, task, r.figures.unit, ref != THE_MODEL) for (m, ref), r in zip(pairs, rows, strict=True)]
    )
    return sorted(rows, key=lambda row: row.reference == THE_MODEL)


def _pairs(made: Sequence[Made]) -> list[tuple[Made, str]]:
    """Return what is compared with what: each file with the model, each ONNX file with its TFLite twin."""
    there = {m.path.name for m in made}
    pairs = [(m, THE_MODEL) for m in made]
    for m in made:
        twin = m.path.with_suffix(".tflite").name
        if m.artifact.format == "onnx" and twin in there:
            pairs.append((m, twin))
    return pairs


def _compare(
    samples: Samples,
    source: SourceModel,
    sessions: Mapping[str, Session],
    pairs: Sequence[tuple[tuple[Made, str], Comparer]],
    progress: Callable[[int, int], None],
) -> list[str]:
    """Show every sample to everything; return the ids of those that cannot be decoded."""
    missing: list[str] = []
    for batch, done in _batches(samples, source, missing):
        expected = source.reference(_stacked(batch))
        for position, sample in enumerate(batch):
            outputs: dict[str, Outputs] = {name: one.run(sample.inputs) for name, one in sessions.items()}
            outputs[THE_MODEL] = _as_outputs(source, expected, position)
            for (made, ref), comparer in pairs:
                _add(comparer, made.path.name, ref, outputs, sample)
        progress(done, len(samples.ids))
    return missing


def _add(comparer: Comparer, name: str, ref: str, outputs: Mapping[str, Outputs], sample: Sample) -> None:
    try:
        comparer.add(outputs[ref], outputs[name], sample.placement, sample.truth)
    except GateFailed as failed:
        raise GateFailed(f"{name} cannot be compared with {ref} on {sample.id}: {failed}") from failed


def _batches(samples: Samples, source: SourceModel, missing: list[str]) -> Iterator[tuple[list[Sample], int]]:
    """Yield samples, as many as the model takes at once, and how many were read until then.

    missing: gets the ids of those that cannot be decoded.
    """
    values = sum(int(np.prod(spec.shape)) for spec in (*source.inputs, *source.outputs))
    size = max(1, min(LARGEST_BATCH, MOST_BYTES // (4 * values)))
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


def _as_outputs(source: SourceModel, expected: reference.Arrays, position: int) -> Outputs:
    """Return what the model gave for one sample, as a session's outputs: real values."""
    arrays = reference.sample(expected, source.outputs, position)
    specs = {spec.name: replace(spec, quantization=None, dtype=arrays[spec.name].dtype) for spec in source.outputs}
    return {name: Tensor(array, specs[name]) for name, array in arrays.items()}


def _judge(rows: Sequence[verify.Comparison], limits: Sequence[verify.Limits]) -> None:
    try:
        verify.gate(rows, limits)
    except GateFailed as failed:
        over = [limit for row, limit in zip(rows, limits, strict=True) if row.complaint(limit)]
        exact = all(limit.exact for limit in over)
        raise GateFailed(str(failed) if exact else f"{failed}; {REMEDY}") from None
