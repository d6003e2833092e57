"""``find_signature`` finds what a model takes and returns, and what its outputs mean.

It comes from the user's options, else from the training record, else it is recognized in the file. Each assumption
becomes a note, which is shown to the user and kept in the bundle.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge import tiles
from edge.decoders import anchors
from edge.deploy import recorded_signature, training_loss
from edge.deploy.conversion.published_pixels import PublishedPixels
from edge.deploy.conversion.source import SourceModel
from edge.deploy.pixel_format import form_of, frame_of, is_clip
from edge.errors import InputError
from edge.imaging import Colour, Preprocessor, Resize
from edge.models.networks import NETWORKS
from edge.models.training.training_record import VARIANCES
from edge.recognize import Asked, Found, recognize
from edge.recognize.inputs import real_dtype
from edge.signature import Input, Kind, Output, TaskSpec


@dataclass(frozen=True)
class Pixels:
    """How pixels become the model's input, as far as the user states it. See InputFormat.

    Attributes:
        mean: the mean that is subtracted from a pixel of 0 to 255, one for all channels or one per channel.
        std: the number by which the difference is divided, one for all channels or one per channel.
        colour: the order of the channels.
        resize: how a picture is fitted to the input's size.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    colour: Colour | None = None
    resize: Resize | None = None

    def given(self) -> dict[str, Any]:
        """Return the fields that are not None."""
        names = ("mean", "std", "colour", "resize")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True)
class SignatureOptions:
    """What the user states about a model. What is None or empty comes from the training record or is recognized.

    Attributes:
        task: the task's name in ``edge.tasks.TASKS``.
        decoder: the decoder's name in ``edge.decoders.DECODERS``.
        parameters: parameters of the task and its decoder.
        kind: the kind of every input, ``image`` or ``tensor``.
        pixels: how pixels become an image input.
        labels: the number of class names. None when there are no names.
    """

    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind | None = None
    pixels: Pixels = field(default_factory=Pixels)
    labels: int | None = None


def find_signature(source: SourceModel, options: SignatureOptions, file: Callable[[], Path]) -> Found:
    """Find the signature of a model.

    Args:
        source: the model.
        options: what the user states, which overrides everything else.
        file: returns a converted file of the model. It is called only when there is no training record; the outputs
            are then recognized by the file's last operations.

    Returns:
        The signature, and notes on what was found and assumed.

    Raises:
        InputError: the meaning of the outputs is unknown, or what is stated does not fit them.
    """
    recorded = recorded_signature.find(source, options.task, options.decoder)
    found = recorded or _recognized(source, options, file())
    outputs = _outputs(source, found.signature.outputs)
    signature = replace(found.signature, inputs=_inputs(source, options, found.signature.inputs), outputs=outputs)
    trained_for = None if recorded else _trained_for(source, options)
    told = (f"the model was trained with the loss {source.loss}: task {trained_for}",) if trained_for else ()
    notes = (*told, *found.notes, *_assumed(signature.inputs, found.signature.inputs, options))
    known = signature.image is not None and signature.image.format is not None and recorded is None
    if known and not {"mean", "std"} & {*options.pixels.given(), *recorded_signature.pixels(source)}:
        if _takes_plain_pixels(source):
            notes = (*notes, "pixels taken from 0 to 255, which the network scales itself")
        elif published := _published(source, options):
            notes = (*notes, published.note)
    tiles.check(signature)
    return Found(signature.with_parameters(options.parameters), notes, found.labels)


def _recognized(source: SourceModel, options: SignatureOptions, file: Path) -> Found:
    try:
        return recognize(file, source.inputs, source.outputs, _asked(source, options))
    except InputError as error:  # the user knows the model, not a file that was made of it
        raise InputError(str(error).replace(file.name, source.file.name if source.file else source.name)) from error


def _asked(source: SourceModel, options: SignatureOptions) -> Asked:
    """Return the hints for recognition: the user's options, else the task of the zoo's network."""
    known = TaskSpec("", None, {}) if options.task or options.decoder else _of_zoo(source)
    return Asked(
        task=options.task or known.name or _trained_for(source, options),
        decoder=options.decoder or known.decoder,
        parameters={**known.parameters, **options.parameters},
        labels=options.labels,
        format={} if options.kind == "tensor" else {**_known_pixels(source, options), **options.pixels.given()},
        kind=options.kind,
    )


def _known_pixels(source: SourceModel, options: SignatureOptions) -> dict[str, Any]:
    """Return the pixels of the record, of a network that scales them itself, or of one that was published."""
    if recorded := recorded_signature.pixels(source):
        return recorded
    if _takes_plain_pixels(source):
        return dict(PLAIN)
    published = _published(source, options)
    return {} if published is None else {name: getattr(published, name) for name in ("mean", "std", "colour")}


def _published(source: SourceModel, options: SignatureOptions) -> PublishedPixels | None:
    """Return how the published network takes pixels, where the user says nothing of mean, std and colour."""
    told = {"mean", "std", "colour"} & set(options.pixels.given())
    image = len(source.inputs) == 1 and source.inputs[0].shape[-1:] == (3,) and source.inputs[0].dtype.kind == "f"
    return source.published if image and not told else None


PLAIN = {"mean": (0.0,), "std": (1.0,)}
"""Pixels from 0 to 255 as they are."""


def _takes_plain_pixels(source: SourceModel) -> bool:
    return source.rescales and len(source.inputs) == 1 and source.inputs[0].dtype.kind == "f"


def _trained_for(source: SourceModel, options: SignatureOptions) -> str | None:
    """Return the task that the loss in a Keras file tells. None where the user says what the outputs are."""
    if options.task or options.decoder:
        return None
    found = training_loss.task_for(source.loss, source.outputs)
    return None if found == "regress" and options.labels else found


def _of_zoo(source: SourceModel) -> TaskSpec:
    """Return the task of a network of the zoo. The name is empty for any other network."""
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


def _inputs(source: SourceModel, options: SignatureOptions, found: Sequence[Input]) -> tuple[Input, ...]:
    """Return the inputs with the user's options applied, and check them."""
    inputs = []
    for spec, entry in zip(source.inputs, found, strict=True):
        kind = options.kind or ("image" if entry.kind == "image" or is_clip(spec) else "tensor")
        if kind == "tensor":
            inputs.append(Input(spec.name, "tensor", spec.shape, real_dtype(spec)))
            continue
        form = form_of(spec, options.pixels.given(), entry.format)
        inputs.append(Input(spec.name, "image", spec.shape, real_dtype(spec), form))
        Preprocessor(frame_of(spec), form)  # raises when the input is no image of that format
    return tuple(inputs)


def _outputs(source: SourceModel, found: Sequence[Output]) -> tuple[Output, ...]:
    """Return the outputs under the model's own names: a signature that was read from a file may have others."""
    names = [spec.name for spec in source.outputs]
    if not all(names) or len(set(names)) != len(names):
        return tuple(found)
    return tuple(replace(output, name=name) for output, name in zip(found, names, strict=True))


def _assumed(inputs: Sequence[Input], before: Sequence[Input], options: SignatureOptions) -> tuple[str, ...]:
    """Return notes on the inputs that this module, not recognition, took for clips."""
    return tuple(
        f"assumed that {entry.name!r} takes clips, {entry.shape}, of pixels (pixel - "
        f"{entry.format.mean}) / {entry.format.std}"
        for entry, old in zip(inputs, before, strict=True)
        if entry.format is not None and old.format is None and options.kind is None
    )
