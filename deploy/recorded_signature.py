"""What a training record beside a model, ``train.json``, says of the model's inputs, outputs and task."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.deploy.conversion.source import SourceModel
from edge.deploy.pixel_format import FORM, form_of, numbers
from edge.errors import InputError
from edge.models.training.training_record import signature_of
from edge.recognize import Found
from edge.recognize.inputs import real_dtype
from edge.signature import Input, Output, Signature, TaskSpec, describe

VIEW = "view"
"""A parameter in a record's signature that states how pictures were read: in windows (crop) or whole (resize)."""

WHOLE = {"signature", "input_shape"}
"""A record that describes inputs and outputs has one of these entries. Others state only mean and std."""


def pixels(source: SourceModel) -> dict[str, tuple[float, ...]]:
    """Return mean and std of the record, as far as it has them. Raises InputError for what are no numbers."""
    record = source.record or {}
    return {
        name: numbers(record[name], f"{name} in train.json beside the model")
        for name in ("mean", "std")
        if name in record
    }


def is_recorded(source: SourceModel) -> bool:
    """Return whether a training record beside the model describes its inputs and outputs."""
    return source.record is not None and bool(WHOLE & set(source.record))


def find(source: SourceModel, task_name: str | None, decoder: str | None) -> Found | None:
    """Return the training record's signature. None without a complete record, or when the user states another task.

    Args:
        source: the model.
        task_name: the task that the user states.
        decoder: the decoder that the user states.

    Raises:
        InputError: the record is none, or does not fit the model.
    """
    if source.record is None or not is_recorded(source):
        return None
    record = {**source.record, **pixels(source)}
    try:
        row = signature_of(record, [spec.name for spec in source.outputs])
        parameters = dict(row["task"]["parameters"])
        tiled = parameters.pop(VIEW, None) == "crop"
        task = TaskSpec(row["task"]["name"], row["task"]["decoder"], parameters)
        if task_name not in (None, task.name) or decoder not in (None, task.decoder):
            return None
        inputs = _inputs(source, row["inputs"], {"resize": "tile"} if tiled else {})
        outputs = _outputs(source, row["outputs"])
    except InputError as error:
        raise InputError(f"train.json beside the model does not fit it: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        lacks = (
            f"it lacks the entry {error.args[0]!r}" if isinstance(error, KeyError) else "its entries have other types"
        )
        raise InputError(
            f"train.json beside the model is no record of its training: {lacks}; move it away to convert without it"
        ) from error
    return Found(Signature(inputs, outputs, task), ())


def _inputs(source: SourceModel, rows: Sequence[Mapping[str, Any]], also: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the inputs of the record's rows; ``also`` takes the place of what they say of pixels."""
    if len(rows) != len(source.inputs):
        raise InputError(f"it must have {len(source.inputs)} input(s), {describe(source.inputs)}; got {len(rows)}")
    found = []
    for spec, row in zip(source.inputs, rows, strict=True):
        said = row.get("clip", row) if row["kind"] == "image" or "clip" in row else None
        form = None if said is None else form_of(spec, {**{k: said[k] for k in FORM if k in said}, **also}, None, "{}")
        found.append(Input(spec.name, "tensor" if form is None else "image", spec.shape, real_dtype(spec), form))
    return tuple(found)


def _outputs(source: SourceModel, rows: Sequence[Mapping[str, Any]]) -> tuple[Output, ...]:
    """Return the outputs with their roles, which are matched by name when all names agree, else by order."""
    roles = {row["name"]: row["role"] for row in rows}
    names = [spec.name for spec in source.outputs]
    if len(rows) != len(names):
        raise InputError(f"it must have {len(names)} output(s), {describe(source.outputs)}; got {', '.join(roles)}")
    chosen = [roles[name] for name in names] if set(roles) == set(names) else [row["role"] for row in rows]
    return tuple(
        Output(spec.name, role, spec.shape, real_dtype(spec)) for spec, role in zip(source.outputs, chosen, strict=True)
    )
