"""A drawn set for networks of keypoints, in COCO's format: ``annotations/<split>.json`` and a folder of pictures."""

import json
from pathlib import Path
from typing import Any

from edge.scenes import writing
from edge.scenes.figure import EDGES, NAMES, Figure, figure

SEEN = 2
"""COCO's flag for a keypoint that is labelled and visible."""


def write_keypoints(folder: Path, train: int = 1500, test: int = 200, size: int = 96, seed: int = 0) -> None:
    """Write ``<split>/*.png``, with one figure in each picture, and ``annotations/<split>.json``.

    For the arguments and for errors see ``writing.drawn_set``.
    """
    with writing.drawn_set(folder, "a drawn set of keypoints", train, test, size, seed) as (root, splits):
        for split, count, rng in splits:
            drawn = []
            for number in range(count):
                drawn.append(figure(rng, size))
                writing.picture(root / split / f"{number:05d}.png", drawn[-1].image)
            content = json.dumps(annotations(drawn, size)) + "\n"
            writing.text(root / "annotations" / f"{split}.json", content)


def annotations(figures: list[Figure], size: int) -> dict[str, Any]:
    """Return the COCO keypoint annotations of figures, whose pictures are numbered in order.

    Args:
        figures: the figures.
        size: width and height of a picture in pixels.
    """
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
