"""Small data sets in the layout of PASCAL VOC, written for a test."""

import zipfile
from pathlib import Path

import cv2
import numpy as np

COLOURS = {"disc": (40, 40, 220), "square": (220, 60, 40)}
"""BGR."""


def annotation(boxes, size=(64, 48), extra=""):
    """Return the XML of ``boxes``, each (label, xmin, ymin, xmax, ymax), counted from 1; a sixth value is difficult.

    size: width, height.
    """
    objects = "".join(
        f"<object><name>{label}</name><difficult>{int(bool(rest))}</difficult><bndbox>"
        f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1, *rest in boxes
    )
    width, height = size
    return f"{extra}<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>"


def picture(boxes, size=(64, 48)):
    """Return a grey picture with a coloured disc or square in each box."""
    width, height = size
    image = np.full((height, width, 3), 128, np.uint8)
    for label, x0, y0, x1, y1, *_ in boxes:
        if label == "disc":
            middle = ((x0 + x1 - 1) // 2, (y0 + y1 - 1) // 2)
            cv2.ellipse(image, middle, ((x1 - x0) // 2, (y1 - y0) // 2), 0, 0, 360, COLOURS[label], -1)
        else:
            image[y0 - 1 : y1, x0 - 1 : x1] = COLOURS.get(label, (0, 0, 0))
    return cv2.imencode(".png", image)[1].tobytes()


def some_boxes(rng, size=(64, 48)):
    """Return one to three boxes in their own columns."""
    found = []
    for column in rng.choice(3, rng.integers(1, 4), replace=False):
        side = int(rng.integers(10, 20))
        x0 = int(column * 21 + rng.integers(1, 22 - side))
        y0 = int(rng.integers(1, size[1] - side + 1))
        found.append((str(rng.choice(list(COLOURS))), x0, y0, x0 + side - 1, y0 + side - 1))
    return found


def files_of(sets, seed=0):
    """Return the files of a data set by name. sets: pictures by set; ``trainval`` is train and val."""
    rng, files, lists = np.random.default_rng(seed), {}, {}
    for name, count in sets.items():
        lists[name] = [f"{name}_{number}" for number in range(count)]
        for stem in lists[name]:
            boxes = some_boxes(rng)
            files[f"Annotations/{stem}.xml"] = annotation(boxes).encode()
            files[f"JPEGImages/{stem}.png"] = picture(boxes)
    if {"train", "val"} <= set(lists):
        lists["trainval"] = lists["train"] + lists["val"]
    for name, stems in lists.items():
        files[f"ImageSets/Main/{name}.txt"] = "".join(f"{stem}\n" for stem in stems).encode()
    return files


def write(root: Path, files):
    """Write ``files`` into the folder ``root``, or into a zip when it has that suffix; return ``root``."""
    if root.suffix == ".zip":
        with zipfile.ZipFile(root, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"set/{name}", data)
        return root
    for name, data in files.items():
        target = root / "set" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root
