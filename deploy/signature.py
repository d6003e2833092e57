"""What a model takes and gives, and what its outputs mean: as somebody says, as its record says, or recognized.

Whatever was assumed is a note, which is shown and stays in the bundle.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge import tiles
from edge.decoders import anchors
from edge.deploy.convert.source import SourceModel
from edge.errors import InputError
from edge.imaging import Colour, InputFormat, Preprocessor, Resize, default_format
from edge.models.networks import NETWORKS
from edge.models.training.training_record import VARIANCES, signature_of
from edge.recognize import Asked, Found, recognize
from edge.recognize.inputs import real_dtype
from edge.signature import Input, Kind, Output, Signature, TaskSpec, describe
from edge.tensors import TensorSpec


@dataclass(frozen=True)
class Pixels:
    """How pixels become the model's input; see InputFormat. What is None is found out."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    colour: Colour | None = None
    resize: Resize | None = None

    def given(self) -> dict[str, Any]:
        """Return what was said."""
        names = ("mean", "std", "colour", "resize")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Said:
    """What somebody says of a model; None and empty leave it to the record, or to be recognized.

    Attributes:
        task: a row of ``edge.tasks.TASKS``.
        decoder: a row of ``edge.decoders.DECODERS``.
        parameters: of task and decoder.
        kind: of every input, ``image`` or ``tensor``.
        pixels: how pixels become an image input.
        labels: how many class names there are, None when nobody gave any.
    """

    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind | None = None
    pixels: Pixels = field(default_factory=Pixels)
    labels: int | None = None


def find_signature(source: SourceModel, said: Said, file: Callable[[], Path]) -> Found:
    """Return the signature of a model, and notes on what was found and assumed.

    Args:
        source: the model.
        said: what somebody says; it counts most.
        file: returns a converted file of the model, where its last operations are read if nothing else tells.

    Raises:
        InputError: nothing tells what the outputs mean, or it does not fit them.
    """
    recorded = _recorded(source, said)
    found = recorded or recognize(file(), source.inputs, source.outputs, _asked(source, said))
    signature = replace(found.signature, inputs=_inputs(source, said, found.signature.inputs))
    told = [note for note in found.notes if said.kind != "tensor" or not note.startswith("pixels ")]
    notes = (*told, *_assumed(signature.inputs, found.signature.inputs, said))
    tiles.check(signature)
    return Found(signature.with_parameters(said.parameters), notes)


VIEW = "view"
"""A parameter in a record's signature that says how its pictures were read: in windows (crop) or whole (resize)."""

WHOLE = {"signature", "input_shape"}
"""A record that says what the network takes and gives has one of these; mean and std alone are about pixels."""


def _recorded(source: SourceModel, said: Said) -> Found | None:
    """Return what the training record says; None without a whole one, or when somebody says another task."""
    if source.record is None or not WHOLE & set(source.record):
        return None
    try:
        row = signature_of(source.record, [spec.name for spec in source.outputs])
        parameters = dict(row["task"]["parameters"])
        tiled = parameters.pop(VIEW, None) == "crop"
        task = TaskSpec(row["task"]["name"], row["task"]["decoder"], parameters)
        if said.task not in (None, task.name) or said.decoder not in (None, task.decoder):
            return None
        inputs = _recorded_inputs(source, row["inputs"], {"resize": "tile"} if tiled else {})
        outputs = _recorded_outputs(source, row["outputs"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"train.json beside the model is no record of its training: {type(error).__name__} {error}"
        ) from error
    return Found(Signature(inputs, outputs, task), ())


def _recorded_inputs(
    source: SourceModel, rows: Sequence[Mapping[str, Any]], also: Mapping[str, Any]
) -> tuple[Input, ...]:
    """Return the inputs of the record's rows; ``also`` takes the place of what they say of pixels."""
    if len(rows) != len(source.inputs):
        raise InputError(
            f"train.json must have {len(source.inputs)} input(s), {describe(source.inputs)}; got {len(rows)}"
        )
    found = []
    for spec, row in zip(source.inputs, rows, strict=True):
        pixels = row.get("clip", row) if row["kind"] == "image" or "clip" in row else None
        form = None if pixels is None else _form(spec, {**{k: pixels[k] for k in FORM if k in pixels}, **also})
        found.append(Input(spec.name, "tensor" if form is None else "image", spec.shape, real_dtype(spec), form))
    return tuple(found)


def _recorded_outputs(source: SourceModel, rows: Sequence[Mapping[str, Any]]) -> tuple[Output, ...]:
    """Return the outputs with their roles: by name where all names agree, else by order."""
    roles = {row["name"]: row["role"] for row in rows}
    names = [spec.name for spec in source.outputs]
    if len(rows) != len(names):
        raise InputError(
            f"train.json must have {len(names)} output(s), {describe(source.outputs)}; got {', '.join(roles)}"
        )
    chosen = [roles[name] for name in names] if set(roles) == set(names) else [row["role"] for row in rows]
    return tuple(
        Output(spec.name, role, spec.shape, real_dtype(spec)) for spec, role in zip(source.outputs, chosen, strict=True)
    )


def _asked(source: SourceModel, said: Said) -> Asked:
    """Return what recognition is told: what somebody says, else what a network of the zoo is for."""
    known = TaskSpec("", None, {}) if said.task or said.decoder else _of_zoo(source)
    return Asked(
        task=said.task or known.name or None,
        decoder=said.decoder or known.decoder,
        parameters={**known.parameters, **said.parameters},
        labels=said.labels,
        format={} if said.kind == "tensor" else {**_recorded_pixels(source), **said.pixels.given()},
    )


def _recorded_pixels(source: SourceModel) -> dict[str, Any]:
    record = source.record or {}
    return {name: tuple(record[name]) for name in ("mean", "std") if name in record}


def _of_zoo(source: SourceModel) -> TaskSpec:
    """Return the task of a network of the zoo, with an empty name for one from elsewhere."""
    row = NETWORKS.get(source.network or "")
    if row is None:
        return TaskSpec("")
    if row.tasks[0] == "detect":
        recipe = {"strides": anchors.STRIDES, "ratios": anchors.RATIOS, "scales": anchors.SCALES}
        parameters = {"anchors": {name: list(values) for name, values in recipe.items()}, "variances": list(VARIANCES)}
        return TaskSpec("detect", "ssd", {**parameters, "background": True, "activation": "none"})
    if row.tasks[0] == "keypoints":
        return TaskSpec("keypoints", "heatmaps")
    return TaskSpec(row.tasks[0] if row.tasks[0] in ("classify", "segment", "embed") else "raw")


def _inputs(source: SourceModel, said: Said, found: Sequence[Input]) -> tuple[Input, ...]:
    """Return the inputs with what somebody says of them, checked."""
    made = []
    for spec, entry in zip(source.inputs, found, strict=True):
        kind = said.kind or ("image" if entry.kind == "image" or is_clip(spec) else "tensor")
        if kind == "tensor":
            made.append(Input(spec.name, "tensor", spec.shape, real_dtype(spec)))
            continue
        form = _form(spec, said.pixels.given(), entry.format)
        made.append(Input(spec.name, "image", spec.shape, real_dtype(spec), form))
        Preprocessor(frame_of(spec), form)  # raises when the input is no image of that format
    return tuple(made)


FORM = ("mean", "std", "colour", "resize")


def _form(spec: TensorSpec, given: Mapping[str, Any], base: InputFormat | None = None) -> InputFormat:
    """Return the format of an image input: what is given, else the base, else that of a file that says nothing.

    Raises InputError when mean or std are neither one number nor one a channel.
    """
    form = base or default_format(frame_of(spec))
    changes: dict[str, Any] = {k: tuple(v) if k in ("mean", "std") else v for k, v in given.items()}
    form = replace(form, raw=form.raw and not {"mean", "std"} & set(changes), **changes)
    channels = 1 if len(spec.shape) == 3 else spec.shape[1] if form.layout == "NCHW" else spec.shape[-1]
    for name, values in (("mean", form.mean), ("std", form.std)):
        if len(values) not in (1, channels):
            raise InputError(f"--{name} must be one number or {channels}, got {len(values)}")
    return form


def frame_of(spec: TensorSpec) -> TensorSpec:
    """Return the spec of one picture: of a clip's frame, or the input itself."""
    return replace(spec, shape=(1, *spec.shape[2:])) if len(spec.shape) == 5 else spec


def is_clip(spec: TensorSpec) -> bool:
    """Whether an input takes a clip: (1, frames, height, width, 1 or 3) of real numbers."""
    return len(spec.shape) == 5 and spec.shape[-1] in (1, 3) and spec.dtype.kind == "f"


def _assumed(inputs: Sequence[Input], before: Sequence[Input], said: Said) -> tuple[str, ...]:
    """Return the lines on what was assumed here beyond what recognition said."""
    return tuple(
        f"assumed that {entry.name!r} takes clips, {entry.shape}, of pixels (pixel - "
        f"{entry.format.mean}) / {entry.format.std}"
        for entry, old in zip(inputs, before, strict=True)
        if entry.format is not None and old.format is None and said.kind is None
    )
