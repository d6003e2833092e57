"""The drawn image set as a folder with ``train/<class>/``, ``test/<class>/`` and ``annotations.json``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.files import replaced
from edge.scenes import run_lengths, writing
from edge.scenes.drawing import draw
from edge.scenes.outlines import CLASSES

ANNOTATIONS = "annotations.json"


def write_dataset(
    folder: Path, per_class_train: int = 400, per_class_test: int = 100, size: int = 64, seed: int = 0
) -> None:
    """Write the image set, complete or not at all. The same arguments give the same bytes.

    The images are ``<split>/<class>/NNNN.png``. ``annotations.json`` has the class of each image, its box (x0, y0, x1,
    y1 in pixels) and its mask as run lengths.

    Args:
        folder: where to write the set. A folder that is there is replaced.
        per_class_train: training images of each class.
        per_class_test: test images of each class.
        size: width and height of an image, in pixels.
        seed: another seed gives another set.

    Raises:
        InputError: a count is below 1, or the size is below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of pictures", size, per_class_train=per_class_train, per_class_test=per_class_test)
    with replaced(folder) as temporary:
        images: list[dict[str, Any]] = []
        for split, count, rng in writing.splits(per_class_train, per_class_test, seed):
            images.extend(_split(temporary, split, count, size, rng))
        content = {"classes": list(CLASSES), "size": size, "seed": seed, "images": images}
        (temporary / ANNOTATIONS).write_text(json.dumps(content) + "\n", encoding="utf-8")


def _split(root: Path, split: str, count: int, size: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for label in CLASSES:
        for number in range(count):
            scene = draw(rng, label, size)
            name = f"{split}/{label}/{number:04d}.png"
            writing.picture(root / name, scene.image)
            yield {"file": name, "label": label, "box": list(scene.box), "mask": run_lengths.encode(scene.mask)}
