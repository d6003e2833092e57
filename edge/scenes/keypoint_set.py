"""A drawn set for pose networks, in COCO's form: ``annotations/<split>.json`` and the pictures beside it."""

import json
from pathlib import Path
from typing import Any

from edge.files import replaced
from edge.scenes import writing
from edge.scenes.figure import EDGES, NAMES, Figure, figure

SEEN = 2
"""COCO's flag of a keypoint that is labelled and visible."""


def write_keypoints(folder: Path, train: int = 1500, test: int = 200, size: int = 96, seed: int = 0) -> None:
    """Write ``<split>/*.png`` and ``annotations/<split>.json``, one figure a picture, complete or not at all.

    Args:
        folder: what is written; one that is there is replaced.
        train: pictures to train on.
        test: pictures to report on.
        size: width and height of a picture in pixels.
        seed: another seed, another set; the same arguments give the same bytes.

    Raises:
        InputError: a count is below 1 or the size below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of keypoints", size, train=train, test=test)
    with replaced(folder) as temporary:
        for split, count, rng in writing.splits(train, test, seed):
            drawn = []
            for number in range(count):
                drawn.append(figure(rng, size))
                writing.picture(temporary / split / f"{number:05d}.png", drawn[-1].image)
            content = json.dumps(annotations(drawn, size)) + "\n"
            writing.text(temporary / "annotations" / f"{split}.json", content)


def annotations(figures: list[Figure], size: int) -> dict[str, Any]:
    """Return COCO's keypoint annotations of pictures that are numbered in order."""
    category = {"id": 1, "name": "figure", "keypoints": list(NAMES), "skeleton": [[a + 1, b + 1] for a, b in EDGES]}
    images = [
        {"id": number, "file_name": f"{number:05d}.png", "width": size, "height": size}
        for number in range(len(figures))
    ]
    return {
        "images": images,
        "annotations": [_annotation(number, each) for number, each in enumerate(figures)],
        "categories": [category],
    }


def _annotation(number: int, each: Figure) -> dict[str, Any]:
    x0, y0, x1, y1 = each.box
    points = [value for x, y in each.points.tolist() for value in (round(x, 2), round(y, 2), SEEN)]
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "bbox": [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
        "num_keypoints": len(NAMES),
        "keypoints": points,
    }
