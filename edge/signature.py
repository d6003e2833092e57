"""The signature states the inputs and outputs of a network by name, so that no later stage has to guess.

A signature lists the inputs and the outputs of a network with their meaning, and the task that turns the outputs into
a result. ``edge-convert`` writes it into the manifest; for a file without a bundle ``edge.recognize`` finds it.
Dtypes and value ranges are those of real values. A quantized file maps them to integers by its scales.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edge.errors import InputError
from edge.imaging import InputFormat

Kind = Literal["image", "tensor"]

ROLES = {
    "scores": "one score a class, or a class and an anchor",
    "boxes": "boxes, or offsets from anchors",
    "classes": "the class of each box",
    "count": "how many boxes there are",
    "objectness": "whether an anchor holds an object of any class",
    "points": "coordinates of keypoints or landmarks",
    "detections": "boxes, scores and what belongs to them in one tensor",
    "mask": "one score a class and pixel, or one class a pixel",
    "heatmaps": "one map a keypoint",
    "embedding": "a vector, near for the same and far for another",
    "value": "measured quantities",
    "image": "a picture",
    "tensor": "numbers without a stated meaning",
}
"""The roles of outputs, which tell the task what the numbers mean."""


@dataclass(frozen=True)
class Input:
    """One input of a network.

    Attributes:
        name: the input's name, unique in the signature.
        kind: ``image`` for pictures that ``edge.imaging`` prepares, ``tensor`` for anything else.
        shape: the shape with the batch first, which is 1.
        dtype: of the real values, ``float32`` for what is measured, ``int32`` or ``int64`` for tokens and indices.
        format: how pixels become the input's values. None unless ``kind`` is ``image``.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    dtype: str = "float32"
    format: InputFormat | None = None

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of an image input, in pixels."""
        if self.format is None or len(self.shape) < 3:
            raise InputError(f"input {self.name!r} must be an image to have a width and a height, it is {self.shape}")
        return image_size(self.shape, self.format)


@dataclass(frozen=True)
class Output:
    """One output of a network.

    Attributes:
        name: the output's name, unique in the signature.
        role: what its numbers mean, one of ``ROLES``.
        shape: the shape with the batch first, which is 1. Sizes that are known only after a run are those of one run.
        dtype: of the real values; quantized files give integers that stand for them.
    """

    name: str
    role: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class TaskSpec:
    """The task that reads the outputs, with its decoder and parameters.

    Attributes:
        name: the name in ``edge.tasks.TASKS``.
        decoder: the name in ``edge.decoders.DECODERS``, for tasks with decoders.
        parameters: what task and decoder need besides the outputs, as JSON values: anchors or their recipe,
            strides, thresholds, activation, background class, box order.
    """

    name: str
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Signature:
    """The inputs, outputs and task of a network. Raises InputError when two inputs or two outputs share a name."""

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    task: TaskSpec

    def __post_init__(self) -> None:
        for kind, found in (("input", self.inputs), ("output", self.outputs)):
            names = [one.name for one in found]
            if not names or len(set(names)) != len(names):
                raise InputError(f"a signature needs one or more {kind}s with names of their own, got {names}")
        for output in self.outputs:
            if output.role not in ROLES:
                raise InputError(f"output {output.name!r} must have one of the roles {', '.join(ROLES)}, "
                                 f"got {output.role!r}")  # fmt: skip

    @property
    def image(self) -> Input | None:
        """The image input for frames. None when the network does not take exactly one image."""
        images = [one for one in self.inputs if one.kind == "image"]
        return images[0] if len(images) == 1 else None

    @property
    def tiled(self) -> bool:
        """Whether pictures go into the network as tiles, see ``edge.tiles``."""
        return any(one.format is not None and one.format.resize == "tile" for one in self.inputs)

    def with_role(self, role: str) -> tuple[Output, ...]:
        """Return the outputs with this role, in order."""
        return tuple(output for output in self.outputs if output.role == role)

    def only(self, role: str) -> tuple[Output, ...]:
        """Return the outputs of that role; the others must have the role ``tensor``, which no task reads but raw.

        Raises:
            InputError: an output has a role that the task would pass over in silence.
        """
        others = [output for output in self.outputs if output.role not in (role, "tensor")]
        if others:
            raise InputError(
                f"task {self.task.name} reads outputs with the role {role}, got {others[0].name!r} with the role "
                f"{others[0].role}; the role tensor leaves an output out"
            )
        return self.with_role(role)

    def one(self, role: str) -> Output:
        """Return the only output with this role. Raises InputError, which lists the outputs, when there is not one."""
        found = self.with_role(role)
        if len(found) != 1:
            raise InputError(
                f"task {self.task.name} needs one output with the role {role}, got {len(found)}: "
                f"{describe(self.outputs)}"
            )
        return found[0]

    @property
    def over_clips(self) -> bool:
        """Whether the image input takes several frames at once, (1, frames, height, width, channels)."""
        image = self.image
        return image is not None and len(image.shape) == 5

    @property
    def score_threshold(self) -> float | None:
        """The least score of a detector's objects. None for other tasks, whose decoders differ."""
        if self.task.name != "detect":
            return None
        from edge.decoders.select import Selection  # few callers need it

        return float(self.task.parameters.get("score_threshold", Selection.score_threshold))

    def with_parameters(self, changes: Mapping[str, Any]) -> "Signature":
        """Return the signature with task parameters added or replaced."""
        task = replace(self.task, parameters={**self.task.parameters, **changes})
        return replace(self, task=task)


def image_size(shape: tuple[int, ...], form: InputFormat) -> tuple[int, int]:
    """Return width and height of an image input.

    Args:
        shape: the shape with the batch first. (1, height, width) is a grey image, five axes are a clip of images.
        form: the format, whose layout states the position of the channels.
    """
    if len(shape) == 5:
        shape = shape[1:]
    height, width = shape[2:4] if form.layout == "NCHW" else shape[1:3]
    return width, height


def describe(tensors: Iterable[Any]) -> str:
    """Return names, shapes and dtypes of Inputs, Outputs or TensorSpecs, for messages."""
    return ", ".join(f"{t.name} {tuple(t.shape)} {getattr(t.dtype, 'name', t.dtype)}" for t in tensors)
