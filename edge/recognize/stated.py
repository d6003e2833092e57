"""What a file's metadata states: the signature that EdgeKit wrote into it, or labels from elsewhere.

What a person said counts more. Metadata that does not fit the file is left out, and a note says so.
"""

from dataclasses import replace
from typing import NamedTuple

from edge import tasks
from edge.errors import InputError
from edge.recognize import ultralytics
from edge.recognize.asked import Asked, Facts
from edge.recognize.inputs import changed, check_asked
from edge.signature import Input, Signature
from edge.tensors import TensorSpec

ORIGIN = "the file's metadata"


class Stated(NamedTuple):
    """What the metadata states.

    Attributes:
        signature: the signature; None when the file has none, or another one was asked for.
        labels: the class names; empty when there are none.
        notes: what was read and what was left out, one line each.
    """

    signature: Signature | None = None
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(facts: Facts, asked: Asked) -> Stated:
    """Return what the metadata of a file states.

    Args:
        facts: what is known of the file.
        asked: what a person said.

    Raises:
        InputError: what a person said of pixels or parameters does not fit the stated signature.
    """
    metadata = facts.metadata
    labels = metadata.labels or ultralytics.labels(metadata.properties) if asked.labels is None else ()
    if not metadata.signature:
        return Stated(None, labels, metadata.notes)
    from edge import embedded  # most files from elsewhere have no signature, and start without its 5 ms

    try:
        own = embedded.from_text(metadata.signature).fitted(facts.inputs, facts.outputs)
        tasks.load(own.signature.task.name)(own.signature, own.labels or None, ORIGIN)  # raises what does not fit
    except InputError as error:
        return Stated(None, labels, (*metadata.notes, f"the signature in the file is left out: {error}"))
    task = own.signature.task
    if asked.task not in (None, task.name) or asked.decoder not in (None, task.decoder):
        return Stated(None, labels, metadata.notes)
    decoder = f", decoder {task.decoder}" if task.decoder else ""
    note = f"read from the file: task {task.name}{decoder}"
    return Stated(_with_asked(own.signature, facts, asked), () if asked.labels else own.labels, (note,))


def _with_asked(signature: Signature, facts: Facts, asked: Asked) -> Signature:
    """Return the signature with what a person said of pixels and parameters."""
    inputs = tuple(_input(entry, spec, asked) for entry, spec in zip(signature.inputs, facts.inputs, strict=True))
    return replace(signature, inputs=inputs).with_parameters(asked.parameters)


def _input(entry: Input, spec: TensorSpec, asked: Asked) -> Input:
    if entry.format is None:
        return entry
    check_asked(entry.format, spec, asked)
    return replace(entry, format=changed(entry.format, asked.format))


def fits(signature: Signature, labels: tuple[str, ...]) -> bool:
    """Return whether a task takes the labels: there is one for each class, or the task has none to name."""
    task = tasks.load(signature.task.name)
    if not getattr(task, "takes_labels", True):
        return False
    try:
        task(signature, labels, ORIGIN)
    except InputError:
        return False
    return True
