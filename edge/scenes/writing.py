"""What the writers of drawn sets share: pictures that are written or refused, splits with a seed of their own."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.errors import FileError, InputError
from edge.imaging import Image

SMALLEST = 16
"""Pixels a side; nothing that is drawn smaller can be recognized."""


def picture(path: Path, image: Image) -> None:
    """Write a picture, PNG or JPEG by its suffix; its folder is made. Raises FileError when the disk is full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise FileError(f"cannot write {path.name}: the disk may be full")


def text(path: Path, content: str) -> None:
    """Write a text file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def splits(train: int, test: int, seed: int) -> Iterator[tuple[str, int, np.random.Generator]]:
    """Yield each split with its number of samples and its own generator, so that one's size does not change another."""
    for index, (name, count) in enumerate((("train", train), ("test", test))):
        yield name, count, np.random.default_rng([seed, index])


def check(what: str, size: int | None = None, **counts: int) -> None:
    """Raise InputError unless each of ``counts`` is at least 1 and ``size``, in pixels, at least ``SMALLEST``."""
    for name, count in counts.items():
        if count < 1:
            raise InputError(f"{what} needs {name} of at least 1, got {count}")
    if size is not None and size < SMALLEST:
        raise InputError(f"{what} needs a size of at least {SMALLEST} pixels, got {size}")
