"""A drawn set for segmenters: pictures, and masks of the same names that hold the class of each pixel."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.scenes import writing
from edge.scenes.multi_object_scene import CLASSES, MultiObjectScene, compose


def write_masks(
    folder: Path, train: int = 600, test: int = 100, size: int = 96, seed: int = 0, classes: Sequence[str] = CLASSES
) -> None:
    """Write ``<split>/images``, ``<split>/masks`` and ``labels.txt``.

    ``classes`` are the classes that are drawn, besides the background. For the other arguments and for errors see
    ``writing.drawn_set``.
    """
    with writing.drawn_set(folder, "a drawn set of masks", train, test, size, seed) as (root, splits):
        for split, count, rng in splits:
            for number in range(count):
                scene = compose(rng, size, classes)
                writing.picture(root / split / "images" / f"{number:05d}.png", scene.image)
                writing.picture(root / split / "masks" / f"{number:05d}.png", mask(scene, classes))
        writing.text(root / "labels.txt", "".join(f"{label}\n" for label in ("background", *classes)))


def mask(scene: MultiObjectScene, classes: Sequence[str]) -> NDArray[np.uint8]:
    """Return the class of each pixel, (height, width) uint8: 0 for the background, then ``classes`` from 1 on."""
    found = np.zeros(scene.image.shape[:2], np.uint8)
    for each in scene.objects:
        found[each.mask] = 1 + list(classes).index(each.label)
    return found
