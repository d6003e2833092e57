"""The check of a reading: does the decoder fit the outputs, and does the number of labels fit its classes."""

from dataclasses import replace
from typing import Any

from edge import decoders, graph_end
from edge.errors import InputError
from edge.recognize.asked import Asked, Facts
from edge.signature import Signature

BACKGROUND, BACKGROUND_LABEL, CLASSES = "background", "background_label", "classes"
"""Parameters: whether the first column of the scores is the background, whether the first label names it, and how many
classes there are where the outputs do not tell."""


def classes_of(signature: Signature) -> int | None:
    """Return how many classes a signature's decoder has, None where it does not say or there is no decoder.

    Raises:
        InputError: the parameters do not fit the outputs, with the numbers on both sides.
    """
    if signature.task.decoder is None:
        return None
    found: int | None = getattr(decoders.load(signature.task.decoder)(signature), "classes", None)
    return found


def fitted(signature: Signature, facts: Facts, asked: Asked) -> tuple[Signature, tuple[str, ...]]:
    """Return the signature with the parameters that the number of labels tells, and notes.

    Raises:
        InputError: the decoder does not fit the outputs, or the labels do not fit its classes.
    """
    signature, notes = _with_background(signature, facts, asked)
    classes, labels = classes_of(signature), asked.labels
    if signature.task.name != "detect" or signature.task.decoder is None or labels in (None, classes):
        return signature, notes
    if classes is None:
        return signature.with_parameters({CLASSES: labels}), notes
    if labels == classes + 1 and _has_background(signature):
        note = "the first label is taken for the background"
        return signature.with_parameters({BACKGROUND_LABEL: True}), (*notes, note)
    beside = f", or {classes + 1} with one for the background first" if _has_background(signature) else ""
    raise InputError(
        f"labels must have one line for each of the {classes} classes that decoder {signature.task.decoder} finds in "
        f"{facts.path.name}{beside}, got {labels}"
    )


def _has_background(signature: Signature) -> bool:
    """Return whether the decoder leaves out a first column of the scores."""
    return signature.task.decoder in ("fomo", "rfb") or bool(signature.task.parameters.get(BACKGROUND))


def _with_background(signature: Signature, facts: Facts, asked: Asked) -> tuple[Signature, tuple[str, ...]]:
    """Return the signature of an SSD that states whether it has a background column.

    A softmax needs one. Otherwise as many labels as columns say that there is none, one less that there is.
    """
    if signature.task.decoder != "ssd" or BACKGROUND in signature.task.parameters:
        return signature, ()
    scores = signature.one("scores")
    columns, end = scores.shape[-1], facts.ends[[output.name for output in signature.outputs].index(scores.name)]
    has = columns > 1 and (end == graph_end.SOFTMAX or asked.labels != columns)
    note = f"{columns} columns of scores, {'background first' if has else 'no background'}"
    if not has and asked.labels is None:
        note += "; --parameter background=true says otherwise"
    activation: dict[str, Any] = {}
    if "activation" not in signature.task.parameters:
        activation = {"activation": _activation(end, has)}
    return signature.with_parameters({BACKGROUND: has, **activation}), (note,)


def _activation(end: str | None, background: bool) -> str:
    """Return what is still to be applied to the scores of an SSD with this last operation."""
    if end == graph_end.LINEAR:
        return "softmax" if background else "sigmoid"
    return "none"


def fits_labels(signature: Signature, labels: int | None) -> bool:
    """Return whether a reading is possible with that many labels, to choose among several."""
    try:
        classes = classes_of(signature)
    except InputError:
        return False
    return (
        labels is None or classes is None or labels == classes or (_has_background(signature) and labels == classes + 1)
    )


def without_order(signature: Signature) -> Signature:
    """Return the signature without the parameter ``order``, which the outputs' roles have taken the place of."""
    parameters = {key: value for key, value in signature.task.parameters.items() if key != "order"}
    return replace(signature, task=replace(signature.task, parameters=parameters))
