"""``--data``: a folder, a zip, or the name of a set that is drawn here."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.models.training.folder import ImageFolder

DRAWN = "scenes"


def open_data(text: str, labels: tuple[str, ...] | None = None) -> "ImageFolder":
    """Return the image folder that ``text`` names. labels: the classes it must keep to, if any."""
    from edge.models.training.folder import open_folder

    return open_folder(data_path(text), labels)


def data_path(text: str) -> Path:
    """Return the path that ``text`` names; of the set that is drawn here, where it was drawn."""
    return _drawn() if text == DRAWN and not Path(text).exists() else Path(text)


def _drawn() -> Path:
    """Draw the set once, into the user's cache folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "edgekit" / "scenes"
    if not folder.exists():
        from edge import scenes

        print(f"drawing the image set {DRAWN!r} into {folder}", file=sys.stderr)
        scenes.write_dataset(folder)
    return folder
