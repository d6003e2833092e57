"""The table of data readers beside image folders: who makes a ``DatasetTask`` of the path behind ``--data``.

Each is called as ``load(root, input_shape, settings, progress, **options)``: root, a folder or a zip; input_shape, of
the network, without the batch; progress, called with samples read and samples in all; options, those of the command
that the reader takes by name (an option that was not given is not passed). It returns the ``DatasetTask`` and raises
FileError for what cannot be read, InputError for what does not fit.
"""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from edge.errors import FileError, InputError
from edge.files import ZIP_DAMAGE
from edge.registry import Entry

_NEEDS = ("tensorflow", "tf_keras")

DATASET_TASKS: dict[str, Entry] = {
    "speech": Entry(
        "edge.models.training.sound.speech:load", "<label>_<speaker>_<index>.wav, split by speaker", "train", _NEEDS
    ),
    "segment": Entry(
        "edge.models.training.segmentation.segmentation:load", "images and masks of the same names", "train", _NEEDS
    ),
    "detect": Entry(
        "edge.models.training.detection.detection:load", "VOC: JPEGImages, Annotations, ImageSets", "train", _NEEDS
    ),
}

FOLDERS = "classify"
"""The task whose data are image folders, read by ``edge.models.training.classification.images``."""

SOUNDS = {".wav"}


def reader_of(tasks: tuple[str, ...], names: Iterable[str]) -> str:
    """Return ``FOLDERS`` or the row of ``DATASET_TASKS`` for a network of ``tasks`` and data with the files ``names``.

    Raises InputError for a task that has no training command.
    """
    task = tasks[0]
    if task == FOLDERS:
        return "speech" if any(Path(name).suffix.lower() in SOUNDS for name in names) else FOLDERS
    if task not in DATASET_TASKS:
        trained = ", ".join((FOLDERS, "segment", "detect"))
        raise InputError(f"edge-train fits networks for these tasks: {trained}; this one is to {task}")
    return task


def file_names(root: Path) -> list[str]:
    """Return the names of all files of a folder or a zip, sorted. Raises FileError when it cannot be read."""
    if root.is_dir():
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    if not root.exists():
        raise FileError(f"data set {root} does not exist; expected a folder or a zip")
    try:
        with zipfile.ZipFile(root) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))
    except (OSError, *ZIP_DAMAGE) as error:
        raise FileError(f"data set {root} cannot be read as a zip: {error}") from error
