"""A drawn set for segmenters: pictures, and masks of the same names that hold the class of each pixel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.scenes import writing
from edge.scenes.crowd import CLASSES, Crowd, compose


def write_masks(
    folder: Path, train: int = 600, test: int = 100, size: int = 96, seed: int = 0, classes: Sequence[str] = CLASSES
) -> None:
    """Write ``<split>/images``, ``<split>/masks`` and ``labels.txt``, complete or not at all.

    Args:
        folder: what is written; one that is there is replaced.
        train: pictures to train on.
        test: pictures to report on.
        size: width and height of a picture in pixels.
        seed: another seed, another set; the same arguments give the same bytes.
        classes: outlines that are drawn; class 0 is the background.

    Raises:
        InputError: a count is below 1 or the size below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of masks", size, train=train, test=test)
    with replaced(folder) as temporary:
        for split, count, rng in writing.splits(train, test, seed):
            for number in range(count):
                crowd = compose(rng, size, classes)
                writing.picture(temporary / split / "images" / f"{number:05d}.png", crowd.image)
                writing.picture(temporary / split / "masks" / f"{number:05d}.png", mask(crowd, classes))
        writing.text(temporary / "labels.txt", "".join(f"{label}\n" for label in ("background", *classes)))


def mask(crowd: Crowd, classes: Sequence[str]) -> NDArray[np.uint8]:
    """Return (height, width) uint8: 0 for the background, 1 and so on for ``classes`` in their order."""
    found = np.zeros(crowd.image.shape[:2], np.uint8)
    for each in crowd.objects:
        found[each.mask] = 1 + list(classes).index(each.label)
    return found
