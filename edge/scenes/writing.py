"""The functions that all writers of drawn sets share: checks, random generators, and the writing of files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from edge.errors import FileError, InputError
from edge.files import replaced
from edge.imaging import Image

SMALLEST = 16
"""The smallest width and height of a picture in pixels. Smaller drawings cannot be recognized."""


@contextmanager
def drawn_set(
    folder: Path, what: str, train: int, test: int, size: int, seed: int
) -> Iterator[tuple[Path, Iterator[tuple[str, int, np.random.Generator]]]]:
    """Write a drawn set, complete or not at all. The same arguments give the same bytes.

    Args:
        folder: where to write the set. A folder that exists is replaced.
        what: what the set is called in error messages.
        train: number of pictures to train on.
        test: number of pictures to report on.
        size: width and height of a picture in pixels.
        seed: another seed gives another set.

    Yields:
        A temporary folder, whose content becomes that of ``folder``, and the splits; see ``splits``.

    Raises:
        InputError: a count is below 1, or the size is below ``SMALLEST``.
        FileError: the folder cannot be written.
    """
    check(what, size, train=train, test=test)
    with replaced(folder) as temporary:
        yield temporary, splits(train, test, seed)


def picture(path: Path, image: Image) -> None:
    """Write a picture as PNG or JPEG, by its suffix, and make its folder. A full disk raises FileError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise FileError(f"cannot write {path.name}: the disk may be full")


def text(path: Path, content: str) -> None:
    """Write a text file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def splits(train: int, test: int, seed: int) -> Iterator[tuple[str, int, np.random.Generator]]:
    """Yield the name of each split, its number of samples and its random generator.

    Each split has a generator of its own, so that the size of one does not change the other.

    Args:
        train: number of training samples.
        test: number of test samples.
        seed: seed of the generators.
    """
    for index, (name, count) in enumerate((("train", train), ("test", test))):
        yield name, count, np.random.default_rng([seed, index])


def check(what: str, size: int | None = None, **counts: int) -> None:
    """Raise InputError when a count is below 1 or the size is below ``SMALLEST``.

    Args:
        what: what the set is called in the error message.
        size: width and height of a picture in pixels, or None for a set without pictures.
        counts: numbers of samples, by the name of their argument.
    """
    for name, count in counts.items():
        if count < 1:
            raise InputError(f"{what} needs {name} of at least 1, got {count}")
    if size is not None and size < SMALLEST:
        raise InputError(f"{what} needs a size of at least {SMALLEST} pixels, got {size}")
