"""``data_path`` finds the data set of ``--data``: a folder, a zip, or the name of a data set that is drawn."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.models.training.folder import ImageFolder

DRAWN = "scenes"
"""The beginning of the names of drawn data sets, which ``edge.scenes.sets`` lists."""


def open_data(text: str, labels: tuple[str, ...] | None = None) -> "ImageFolder":
    """Open an image folder.

    Args:
        text: the value of ``--data``.
        labels: the classes that the folder must have, in their order. None takes the folder's classes.
    """
    from edge.models.training.folder import open_folder

    return open_folder(data_path(text), labels)


def is_drawn(text: str) -> bool:
    """Return whether ``text`` names a drawn data set. A folder or file of the same name takes precedence."""
    return (text == DRAWN or text.startswith(f"{DRAWN}:")) and not Path(text).exists()


def data_path(text: str) -> Path:
    """Return the path of the data set ``text``. A drawn data set is drawn first, unless it is in the cache."""
    return _drawn(text) if is_drawn(text) else Path(text)


def _drawn(name: str) -> Path:
    """Draw a data set into the user's cache folder, unless it is there. Raises InputError for an unknown name."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "edgekit" / name.replace(":", "-")
    if not folder.exists():
        from edge.scenes import sets

        write = sets.writer(name)
        print(f"drawing the set {name!r} into {folder}", file=sys.stderr)
        write(folder)
    return folder
