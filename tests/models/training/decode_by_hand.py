"""Read an image folder with OpenCV alone, to hold what the project reads against."""

from pathlib import Path

import cv2
import numpy as np


def read_split(root: Path, split: str):
    """Return (n, height, width, 3) uint8 RGB and (n,) classes; files without an end marker are left out."""
    images, classes = [], []
    for label, folder in enumerate(sorted((root / split).iterdir())):
        for path in sorted(folder.iterdir()):
            if path.suffix == ".jpg" and not path.read_bytes().endswith(b"\xff\xd9"):
                continue
            images.append(cv2.imread(str(path))[..., ::-1])
            classes.append(label)
    return np.stack(images), np.array(classes)
