"""The table of drawn sets: a name, what writes it, and what it is for. Importing it draws nothing.

``edge-train --data scenes`` takes the row called ``scenes``, ``--data scenes:boxes`` the row of that name. Each is
called as ``write(folder)``; the other arguments say how much of it is wanted.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.errors import unknown_name
from edge.registry import Entry

PLAIN = "scenes"

SETS: dict[str, Entry] = {
    PLAIN: Entry("edge.scenes.image_set:write_dataset", "one object a picture, eight classes"),
    "scenes:masks": Entry("edge.scenes.mask_set:write_masks", "objects with their masks"),
    "scenes:boxes": Entry("edge.scenes.box_set:write_boxes", "objects with their boxes"),
    "scenes:keypoints": Entry("edge.scenes.keypoint_set:write_keypoints", "a stick figure with five keypoints"),
    "scenes:faces": Entry("edge.scenes.faces:write_faces", "faces of drawn people"),
    "scenes:sounds": Entry("edge.scenes.tones:write_sounds", "tones that rise, fall, stay or trill"),
    "scenes:sentences": Entry("edge.scenes.sentences:write_sentences", "praise and blame, with negations"),
    "scenes:clips": Entry("edge.scenes.motions:write_clips", "objects whose motion is the class"),
}


def writer(name: str) -> Callable[..., Any]:
    """Return what writes the set ``name`` into a folder. Raises InputError for a name that the table does not hold."""
    if name not in SETS:
        raise unknown_name("drawn set", name, SETS)
    module, _, function = SETS[name].target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def draw_set(name: str, folder: Path) -> None:
    """Write the set ``name`` in its usual size; ``folder`` is complete or absent."""
    writer(name)(folder)
