"""From an image folder to a classification task: every split decoded once, a part held out when asked for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge.models.training.classification.classification import Classification, hold_out
from edge.models.training.decode import Progress, decode_split
from edge.models.training.folder import ImageFolder
from edge.models.training.settings import Settings


def load(
    folder: ImageFolder,
    size: tuple[int, int, int],
    settings: Settings,
    cache: Path,
    progress: Callable[[str], Progress],
    mean: tuple[float, ...] = (127.5,),
    std: tuple[float, ...] = (127.5,),
) -> Classification:
    """Decode the data set's splits into ``cache``. size: (height, width, channels). mean, std: see Decoded.

    progress: given a title, returns what is called with images done and images in all.
    Raises InputError when the folder has no images to train on or to report on.
    """
    decoded = {
        split: replace(decode_split(folder, split, size, cache, progress(f"reading {split}")), mean=mean, std=std)
        for split in folder.splits
    }
    if "train" not in decoded:
        folder.split("train")
    train, report = decoded["train"], decoded[folder.evaluation()]
    monitor = decoded.get("validation", report)
    if settings.holdout and "validation" not in decoded:
        train, monitor = hold_out(train, settings.holdout, settings.seed)
    return Classification(train, monitor, report, folder.labels)
