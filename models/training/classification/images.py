"""From an image folder to a classification task: every split decoded once, a part held out when asked for."""

from dataclasses import replace
from pathlib import Path

from edge.errors import InputError
from edge.models.training.classification.classification import Classification, hold_out
from edge.models.training.decode import Progress, decode_split
from edge.models.training.folder import ImageFolder, open_folder
from edge.models.training.settings import Settings


def load(
    root: Path, input_shape: tuple[int, ...], settings: Settings, progress: Progress | None, cache: Path
) -> Classification:
    """Read an image folder (``edge.models.training.folder``) for a network of ``input_shape``, pixels as -1 to 1.

    Raises InputError for what does not fit, FileError for what cannot be read.
    """
    return decode_folder(open_folder(root), input_shape, settings, cache, progress)


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
