"""What a bare model file is for: from names, shapes, metadata and last operations to a signature.

    found = recognize(path, model.inputs, model.outputs, Asked())
    found.signature.task, found.notes

A bundle states its signature, and so does a file that EdgeKit made; a file from elsewhere does not. What a person said
counts first. Then the decoders say whether they recognize their head, then the tasks without decoders. A file that fits
several tasks is refused with what would take it. A file that fits none gives its numbers as they are, task raw. Nothing
is assumed in silence: every assumption is a note.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from edge import decoders
from edge.decoders.parameters import MissingParameter
from edge.errors import InputError
from edge.recognize import heads, labels, plain, stated
from edge.recognize.asked import Asked, Facts, Reading
from edge.recognize.inputs import entries, is_image, real_dtype, unique
from edge.signature import Output, Signature, TaskSpec, describe
from edge.tensors import TensorSpec

__all__ = ["Asked", "Found", "is_image", "recognize"]


class Found(NamedTuple):
    """What a bare file was found to be.

    Attributes:
        signature: with the file's own names, in the file's order.
        notes: what was found and what was assumed, one line each.
        labels: the class names that the file's metadata states, unless a person gave some.
    """

    signature: Signature
    notes: tuple[str, ...]
    labels: tuple[str, ...] = ()


def recognize(path: Path, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], asked: Asked) -> Found:
    """Return the signature of a file without one.

    Args:
        path: the ``.tflite``, ``.onnx`` or other model file; its last operations and its metadata are read there.
        inputs: as the runtime describes them.
        outputs: as the runtime describes them.
        asked: what a person said.

    Raises:
        InputError: the outputs fit several tasks, or not what was asked; one line with names, shapes, dtypes and what
            would take them.
    """
    facts = Facts(path, tuple(inputs), tuple(outputs))
    known = stated.read(facts, asked)
    if known.signature is not None:
        return Found(known.signature, known.notes, known.labels)
    found = _with_labels(facts, asked, known.labels) if known.labels else _recognized(facts, asked)
    return found._replace(notes=(*found.notes, *known.notes))


def _with_labels(facts: Facts, asked: Asked, names: tuple[str, ...]) -> Found:
    """Return what a file is found to be with the labels of its metadata, or without them where they do not fit."""
    try:
        found = _recognized(facts, asked._replace(labels=len(names)))
    except InputError:
        found = None
    if found is not None and stated.fits(found.signature, names):
        return found._replace(labels=names, notes=(*found.notes, f"{len(names)} labels read from the file's metadata"))
    found = _recognized(facts, asked)
    note = f"the {len(names)} labels in the file's metadata do not fit its outputs and are left out"
    return found._replace(notes=(*found.notes, note))


def _recognized(facts: Facts, asked: Asked) -> Found:
    """Return what a file is found to be by its outputs."""
    reading = _chosen(facts, asked, _readings(facts, asked))
    signature, notes = _signature(facts, reading, asked)
    signature, more = labels.fitted(signature, facts, asked)
    assumed = () if {"activation", "range"} & set(asked.parameters) else reading.notes
    return Found(labels.without_order(signature), (*_found(reading, asked), *assumed, *more, *notes))


def _readings(facts: Facts, asked: Asked) -> list[Reading]:
    """Return the ways to read the file that fit what was asked."""
    if asked.decoder is not None:
        return [heads.named(facts, asked, asked.decoder)]
    if asked.task in plain.READERS:
        return [plain.READERS[asked.task](facts, asked)]
    if asked.task in ("detect", "keypoints"):
        return heads.of_task(facts, asked, asked.task)
    if asked.task is not None:  # a plug-in's: it knows its outputs itself
        return [Reading(TaskSpec(asked.task), ("tensor",) * len(facts.outputs), "as asked")]
    return heads.recognized(facts, None) or plain.guess(facts, asked) or _unknown(facts)


def _unknown(facts: Facts) -> list[Reading]:
    """Return the reading of outputs whose meaning nothing tells: the numbers as they are, never classes."""
    if _batched(facts) is not None or not facts.outputs:
        return []
    takers = [taker for taker in _takers(facts, Asked()) if taker != "--task raw"]
    note = f"nothing tells what these numbers mean; these would take them: {', '.join(takers)}"
    reading = plain.raw(facts, Asked())
    return [replace(reading, reason=f"{describe(facts.outputs)}, numbers of no known task", notes=(note,))]


def _batched(facts: Facts) -> int | None:
    """Return the batch of an input that takes several pictures at a time; None where no input does."""
    pictures = (spec for spec in facts.inputs if is_image(replace(spec, shape=(1, *spec.shape[1:]))))
    return next((spec.shape[0] for spec in pictures if spec.shape[0] != 1), None)


def _chosen(facts: Facts, asked: Asked, readings: list[Reading]) -> Reading:
    """Return the one reading. Raises InputError, with what would take the file, when there are several or none."""
    if len(readings) > 1:
        readings = [r for r in readings if labels.fits_labels(_signature(facts, r, asked)[0], asked.labels)] or readings
    if len(readings) == 1:
        return readings[0]
    given = f"{facts.path.name} takes {describe(facts.inputs)} and gives {describe(facts.outputs)}"
    batch = _batched(facts)
    if not readings and batch is not None:
        raise InputError(
            f"{given}: a picture at a time is run, and a batch of {batch} is built into the file; "
            "convert or export it with a batch of 1"
        )
    if readings:
        ways = "; or ".join(f"{reading.reason} ({_options(reading)})" for reading in readings)
        raise InputError(f"{given}, which may be {ways}: say which")
    which = "nothing to read" if asked.task is None else f"no decoder of task {asked.task} is told by them"
    raise InputError(f"{given}: {which}; these would take them: {', '.join(_takers(facts, asked))}")


def _options(reading: Reading) -> str:
    decoder = f" --decoder {reading.task.decoder}" if reading.task.decoder else ""
    return f"--task {reading.task.name}{decoder}"


def _takers(facts: Facts, asked: Asked) -> list[str]:
    """Return the options under which the file would be accepted, as far as shapes tell."""
    found = []
    for name in plain.READERS:
        try:
            plain.READERS[name](facts, asked._replace(task=name))
        except InputError:
            continue
        found.append(f"--task {name}")
    for name in decoders.names():
        try:
            reading = heads.named(facts, Asked(), name)
            labels.classes_of(_signature(facts, reading, Asked())[0])
        except MissingParameter:
            pass
        except InputError:
            continue
        found.append(f"--task {decoders.task_of(name)} --decoder {name}")
    return found


def _signature(facts: Facts, reading: Reading, asked: Asked) -> tuple[Signature, tuple[str, ...]]:
    """Return the signature of a reading with what was asked, and notes on the pixels."""
    made, notes = entries(facts, reading, asked)
    names = unique([spec.name for spec in facts.outputs], "output")
    outputs = tuple(
        Output(name, role, spec.shape, real_dtype(spec))
        for name, role, spec in zip(names, reading.roles, facts.outputs, strict=True)
    )
    signature = Signature(made, outputs, reading.task)
    return signature.with_parameters(asked.parameters), notes


def _found(reading: Reading, asked: Asked) -> tuple[str, ...]:
    """Return the line that says what the file was taken for, unless a person said all of it."""
    if asked.decoder is not None or asked.task in plain.READERS:
        return ()
    decoder = f", decoder {reading.task.decoder}" if reading.task.decoder else ""
    return (f"found {reading.reason}: task {reading.task.name}{decoder}",)
