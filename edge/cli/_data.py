"""``--data``: a folder, a zip, or the name of a set that is drawn here."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.models.training.folder import ImageFolder

DRAWN = "scenes"
"""The drawn sets' names begin with it; ``edge.scenes.sets`` lists them."""


def open_data(text: str, labels: tuple[str, ...] | None = None) -> "ImageFolder":
    """Return the image folder that ``text`` names. labels: the classes it must keep to, if any."""
    from edge.models.training.folder import open_folder

    return open_folder(data_path(text), labels)


def is_drawn(text: str) -> bool:
    """Return whether ``text`` names a drawn set; a folder or a file of that name comes first."""
    return (text == DRAWN or text.startswith(f"{DRAWN}:")) and not Path(text).exists()


def data_path(text: str) -> Path:
    """Return the path that ``text`` names; of a set that is drawn here, where it was drawn."""
    return _drawn(text) if is_drawn(text) else Path(text)


def _drawn(name: str) -> Path:
    """Draw the set once, into the user's cache folder. Raises InputError for a name that stands for none."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "edgekit" / name.replace(":", "-")
    if not folder.exists():
        from edge.scenes import sets

        write = sets.writer(name)
        print(f"drawing the set {name!r} into {folder}", file=sys.stderr)
        write(folder)
    return folder
