"""A small keypoint set in COCO's form, as a mapping of file names to content."""

import json

import cv2
import numpy as np

NAMES = ["nose", "left_ear", "right_ear"]


def picture(size=(40, 30)):
    return cv2.imencode(".png", np.full((size[1], size[0], 3), 90, np.uint8))[1].tobytes()


def note(number, *points, **more):
    return {"image_id": number, "keypoints": [v for point in points for v in point], **more}


def content(notes, count=2, names=NAMES, **more):
    """Return the annotations of ``count`` pictures."""
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(count)]
    category = {"keypoints": names, "skeleton": [[1, 2], [1, 3]]}
    return {"images": images, "annotations": notes, "categories": [category], **more}


TRAIN = [note(0, (4, 6, 2), (10, 6, 1), (0, 0, 0)), note(1, (40, 30, 2), (0, 0, 2), (20, 15, 2))]
TEST = [note(0, (8, 9, 2), (10, 6, 2), (2, 3, 2))]


def files(train=None, test=None):
    """Return the files of a set."""
    found = {"train": train or content(TRAIN), "test": test or content(TEST, 1)}
    rows = {f"annotations/things_{split}2017.json": json.dumps(part).encode() for split, part in found.items()}
    return rows | {f"train2017/{n}.png": picture() for n in range(2)} | {"test2017/0.png": picture()}


def write(root, members):
    for name, data in members.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root
