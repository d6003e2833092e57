"""From an image folder to a classification task: every split decoded once, a part held out when asked for."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.errors import InputError
from edge.models.training.classification.classification import Classification, hold_out
from edge.models.training.decode import Progress, decode_split
from edge.models.training.folder import ImageFolder, open_folder
from edge.models.training.settings import Settings


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None,
    cache: Path,
    *,
    labels: Sequence[str] = (),
    mean: Sequence[float] | float = 127.5,
    std: Sequence[float] | float = 127.5,
) -> Classification:
    """Read an image folder (``edge.models.training.folder``) for a network of ``input_shape``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: of the run; ``holdout`` sets training images apart for validation.
        progress: called with images done and images in all of a split.
        cache: a folder for the decoded images.
        labels: the classes that a network has already, in its order; by default the folders' names.
        mean: one value or one a channel; the network's input is (pixel - mean) / std.
        std: one value or one a channel.

    Raises:
        InputError: something does not fit.
        FileError: the data set cannot be read.
    """
    pixels = (_values("mean", mean, input_shape), _values("std", std, input_shape))
    return decode_folder(open_folder(root, tuple(labels) or None), input_shape, settings, cache, progress, *pixels)


def _values(name: str, given: Any, input_shape: tuple[int, ...]) -> tuple[float, ...]:
    """Return mean or std as a tuple. Raises InputError unless it is one number or one a channel, a std above 0."""
    values = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    good = all(isinstance(v, (int, float)) and math.isfinite(v) and (name == "mean" or v > 0) for v in values)
    if not good or len(values) not in (1, input_shape[-1]):
        raise InputError(f"--{name} must be one number or {input_shape[-1]}, a std above 0; got {given!r}")
    return tuple(float(v) for v in values)


def decode_folder(
    folder: ImageFolder,
    input_shape: tuple[int, ...],
    settings: Settings,
    cache: Path,
    progress: Progress | None = None,
    mean: tuple[float, ...] = (127.5,),
    std: tuple[float, ...] = (127.5,),
) -> Classification:
    """Decode the data set's splits into ``cache``. input_shape: (height, width, channels). mean, std: see Decoded.

    progress: called with images done and images in all of a split.
    Raises InputError when the folder has no images to train on or to report on.
    """
    if len(input_shape) != 3 or input_shape[2] not in (1, 3):
        raise InputError(f"images have the shape (height, width, 1 or 3), got input_shape {input_shape}")
    height, width, channels = input_shape
    decoded = {
        split: replace(decode_split(folder, split, (height, width, channels), cache, progress), mean=mean, std=std)
        for split in folder.splits
    }
    if "train" not in decoded:
        folder.split("train")
    train, report = decoded["train"], decoded[folder.evaluation()]
    monitor = decoded.get("validation", report)
    if settings.holdout and "validation" not in decoded:
        train, monitor = hold_out(train, settings.holdout, settings.seed)
    return Classification(train, monitor, report, folder.labels)
