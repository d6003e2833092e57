"""What a person asks for when a network is opened, checked for its types: it comes from Python code or a command."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.imaging import Colour, Resize
from edge.labels import has_control, read
from edge.placement import TURNS
from edge.signature import Signature, describe

WORDS = ("backend", "device", "precision", "task", "decoder", "colour", "resize")
PIXELS = ("colour", "mean", "std", "resize")
"""The options that say how pixels become an image input."""


@dataclass(frozen=True)
class SessionOptions:
    """What a person asked for; None leaves the choice to the tuning record, the bundle or the defaults.

    Attributes:
        backend: the runtime's name.
        threads: of the model.
        device: which device of its kind the backend opens, such as ``usb:0``.
        precision: which of a bundle's files.
        labels: a label file or the names themselves, which take the place of the bundle's.
        task, decoder: what a bare file is; a bundle states its own.
        parameters: task parameters that replace the stated ones, such as ``score_threshold``.
        colour, resize: the input of a bare file; a bundle states its own.
        mean, std: the same: one number, or one for each channel; kept as a tuple.
        rotation: how far frames are turned clockwise first, in degrees.
        isolate: whether the model runs in a worker process, with a second one that takes over (``edge.isolated``).
    """

    backend: str | None = None
    threads: int | None = None
    device: str | None = None
    precision: str | None = None
    labels: str | Path | Sequence[str] | None = None
    task: str | None = None
    decoder: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    colour: Colour | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    resize: Resize | None = None
    rotation: int = 0
    isolate: bool = False

    def __post_init__(self) -> None:
        """Raises InputError for a value of another type, with the option's name."""
        for name in WORDS:
            if not isinstance(getattr(self, name), str | None):
                raise _wrong(name, "a word", getattr(self, name))
        if not isinstance(self.threads, int | None) or isinstance(self.threads, bool):
            raise _wrong("threads", "a whole number", self.threads)
        if not isinstance(self.parameters, Mapping) or not all(isinstance(name, str) for name in self.parameters):
            raise _wrong("parameters", "a mapping of names to values", self.parameters)
        if self.rotation not in TURNS:
            raise _wrong("rotation", f"one of {', '.join(map(str, TURNS))} degrees", self.rotation)
        if not isinstance(self.isolate, bool):
            raise _wrong("isolate", "true or false", self.isolate)
        _check_labels(self.labels)
        for name in ("mean", "std"):
            object.__setattr__(self, name, _numbers(name, getattr(self, name)))

    def class_names(self, own: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, str]:
        """Return the class names that were given, else those of a bundle, and where they came from.

        Args:
            own: the bundle's class names. None or empty when it has none.

        Returns:
            The names, None when nobody gave any, and their origin for messages.
        """
        if isinstance(self.labels, (str, Path)):
            return tuple(read(Path(self.labels))), str(self.labels)
        if self.labels is not None:
            return tuple(self.labels), "what was given"
        return own or None, "the bundle"

    def check_use(self, signature: Signature, takes_labels: bool, turns: bool) -> None:
        """Raise InputError for an option that would have no effect: somebody counts on it.

        Args:
            signature: the network's signature.
            takes_labels: whether the task names anything with labels.
            turns: whether the network's only input is pictures, which can be rotated.
        """
        check_use(signature, takes_labels, self.labels is not None, self.of_pixels())
        if self.rotation and not turns:
            raise InputError(
                "rotation is for a network whose only input is pictures, the network takes "
                f"{describe(signature.inputs)}; turn them before"
            )

    def of_a_bare_file(self) -> dict[str, Any]:
        """Return what was said that only a bare file may be told."""
        return {name: value for name in ("task", "decoder", *PIXELS) if (value := getattr(self, name)) is not None}

    def of_pixels(self) -> dict[str, Any]:
        """Return what was said of the pixels of an image input."""
        return {name: value for name in PIXELS if (value := getattr(self, name)) is not None}


def _wrong(name: str, wanted: str, value: Any) -> InputError:
    return InputError(f"option {name} must be {wanted}, got {value!r}"[:300])


def _check_labels(labels: Any) -> None:
    """Raise InputError unless it is nothing, a path, or texts that command no terminal."""
    if isinstance(labels, str | Path | None):
        return
    if not isinstance(labels, Sequence) or not all(isinstance(one, str) and not has_control(one) for one in labels):
        raise _wrong("labels", "a label file, or a list of texts without control characters", labels)


def _numbers(name: str, value: Any) -> tuple[float, ...] | None:
    """Return one number, or a sequence of them, as a tuple."""
    if value is None:
        return None
    try:
        found = tuple(float(one) for one in (value if hasattr(value, "__iter__") else [value]))
    except (TypeError, ValueError):
        found = ()
    if isinstance(value, str) or not found or not all(map(math.isfinite, found)):
        raise _wrong(name, "one number, or one for each channel", value)
    return found


def check_use(signature: Signature, takes_labels: bool, labels: bool, pixels: Iterable[str]) -> None:
    """Check that stated labels and pixel formats have a use: somebody counts on them.

    Args:
        signature: the network's signature.
        takes_labels: whether the task names anything with labels.
        labels: whether labels were given.
        pixels: what was said about pixels, such as ``mean``.

    Raises:
        InputError: an option would have no effect.
    """
    if labels and not takes_labels:
        raise InputError(f"task {signature.task.name} has no classes that labels could name; leave out labels")
    if (given := list(pixels)) and all(entry.format is None for entry in signature.inputs):
        raise InputError(
            f"{', '.join(given)} are about pixels, the network takes {describe(signature.inputs)}; leave them out"
        )
