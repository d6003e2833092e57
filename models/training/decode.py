"""Decode a data set once into a memory-mapped array, from which training reads at the speed of memory, at any size.

Images are resized with the OpenCV call that ``edge.imaging`` uses on the device, so that the network is trained on the
pixels that it will get there.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from edge import files
from edge.errors import FileError, InputError
from edge.models.training.folder import ImageFolder
from edge.pictures import is_whole

Progress = Callable[[int, int], None]
"""A function that is called with the number of decoded images and of all images."""

CHUNK = 256


@dataclass(frozen=True)
class Rows:
    """Some rows of an array of images. They are read when they are used, because the array may be larger than memory.

    Attributes:
        array: (n, height, width, channels) uint8.
        rows: (m,) int64, the chosen rows in their order.
    """

    array: NDArray[np.uint8]
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the chosen rows, (m, height, width, channels)."""
        return (len(self.rows), *self.array.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: Any) -> NDArray[np.uint8]:
        """Return a copy of the images at ``indices``, which may be any index of numpy for the first axis."""
        return np.asarray(self.array[self.rows[indices]], np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


@dataclass(frozen=True)
class Decoded:
    """A decoded split.

    Attributes:
        images: (n, height, width, channels) uint8, RGB or grey.
        classes: (n,) int64, the label indices.
        names: the names of the images in the data set.
        corrupt: the names of the images that were left out.
        mean: one value, or one for each channel. The network's input is (pixel - mean) / std.
        std: one value, or one for each channel.
    """

    images: NDArray[np.uint8] | Rows
    classes: NDArray[np.int64]
    names: tuple[str, ...]
    corrupt: tuple[str, ...]
    mean: tuple[float, ...] = (127.5,)
    std: tuple[float, ...] = (127.5,)

    def subset(self, indices: NDArray[np.int64]) -> "Decoded":
        """Return the rows at ``indices``, without a copy of their images."""
        whole = self.images
        rows = Rows(whole.array, whole.rows[indices]) if isinstance(whole, Rows) else Rows(whole, indices)
        return replace(self, images=rows, classes=self.classes[indices], names=tuple(self.names[i] for i in indices))

    def normalize(self, images: Any) -> Any:
        """Map pixels to the network's input, float32.

        Args:
            images: an array or a tensor of values from 0 to 255, float or uint8, channels last.
        """
        return (images - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)


def corrupt_names(*parts: Any) -> list[str]:
    """Return the names of the samples that were left out of decoded parts, each name once."""
    return list(dict.fromkeys(name for part in parts for name in part.corrupt))


def decode_image(data: bytes, size: tuple[int, int, int]) -> NDArray[np.uint8] | None:
    """Decode and resize an image file.

    Args:
        data: the content of the file.
        size: height, width and channels of the result.

    Returns:
        (height, width, channels) uint8, RGB for 3 channels and grey for 1; None when the file is not a whole image.
    """
    height, width, channels = size
    if not is_whole(data):
        return None
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None
    if image is None:
        return None
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if channels == 1:
        return np.asarray(image, np.uint8)[..., None]
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def stored_size(data: bytes) -> tuple[int, int]:
    """Return the height and the width in pixels that an image file was stored with. The file can be decoded."""
    image = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
    return image.shape[0], image.shape[1]


def decode_split(
    folder: ImageFolder, split: str, size: tuple[int, int, int], cache: Path, progress: Progress | None = None
) -> Decoded:
    """Decode every image of a split.

    Args:
        folder: the data set.
        split: ``train``, ``test`` or ``validation``.
        size: height, width and channels, 1 or 3.
        cache: the folder for the array. An array of the same files and size that is there is used again.
        progress: called with the number of decoded images and of all images.

    Raises:
        InputError: the number of channels is another, or no image of the split can be decoded.
        FileError: the data set cannot be read, or the array does not fit on the disk.
    """
    if size[2] not in (1, 3):
        raise InputError(f"image folders hold 1 or 3 channels, got {size[2]}")
    members = folder.split(split)
    stem = cache / f"{split}-{key(folder.root, members.names, size)}"
    images, good = stored(stem, len(members.names), size, lambda: _images(folder, members.names, size), progress)
    if not good:
        raise InputError(f"data set {folder.root}: none of the {len(members.names)} images of {split}/ can be decoded")
    classes = np.asarray(members.classes, np.int64)[good]
    corrupt = sorted(set(range(len(members.names))) - set(good))
    names = tuple(members.names[i] for i in good)
    return Decoded(images, classes, names, tuple(members.names[i] for i in corrupt))


def key(root: Path, names: Sequence[str], size: tuple[int, ...]) -> str:
    """Return what tells these files of ``root``, decoded to ``size``, from others."""
    stat = root.stat()
    text = json.dumps([str(root.resolve()), stat.st_mtime_ns, stat.st_size, names, size])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored(
    stem: Path,
    count: int,
    shape: tuple[int, ...],
    samples: Callable[[], Iterator[NDArray[np.uint8] | None]],
    progress: Progress | None = None,
) -> tuple[NDArray[np.uint8], list[int]]:
    """Return samples as a memory-mapped array beside ``stem``, and the positions that the array's rows had.

    Args:
        stem: two files with this stem hold the array and the positions; what they hold already is not read again.
        count: how many samples there are.
        shape: of a sample, which is uint8.
        samples: yields them; None for one that is left out.
        progress: called with samples done and samples in all.

    Raises:
        FileError: the disk is full.
    """
    array, index = stem.with_suffix(".npy"), stem.with_suffix(".json")
    if not index.exists():
        _write(samples, (count, *shape), array, index, progress)
    good: list[int] = json.loads(index.read_text())["good"]
    return np.load(array, mmap_mode="r")[: len(good)], good


def _write(
    samples: Callable[[], Iterator[NDArray[np.uint8] | None]],
    shape: tuple[int, ...],
    array: Path,
    index: Path,
    progress: Progress | None,
) -> None:
    """Fill the array, then write the index. Without an index the array counts as absent."""
    try:
        array.parent.mkdir(parents=True, exist_ok=True)
        target = _reserved(array, shape)
        good = _fill(target, samples(), shape[0], progress)
        with files.replaced(index) as temporary:
            temporary.write_text(json.dumps({"good": good}))
    except OSError as error:
        files.remove(array)
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {array}: {error.strerror or error}") from error


def _reserved(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a writable map of a file whose bytes are reserved, because a write to a hole of a full disk is fatal."""
    target = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    with path.open("r+b") as file:
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            _write_zeros(file, size - target.nbytes, size)
    return target


def _write_zeros(file: BinaryIO, start: int, end: int) -> None:
    file.seek(start)
    for at in range(start, end, 1 << 20):
        file.write(bytes(min(1 << 20, end - at)))


def _fill(
    target: NDArray[np.uint8], images: Iterator[NDArray[np.uint8] | None], total: int, progress: Progress | None
) -> list[int]:
    """Write the images that could be decoded to the first rows, and return their positions."""
    good: list[int] = []
    for position, image in enumerate(images):
        if image is not None:
            target[len(good)] = image
            good.append(position)
        if progress and (position + 1 == total or position % 1000 == 999):
            progress(position + 1, total)
    return good


def _images(
    folder: ImageFolder, names: tuple[str, ...], size: tuple[int, int, int]
) -> Iterator[NDArray[np.uint8] | None]:
    """Yield decoded images in order. OpenCV releases the interpreter's lock, so threads decode in parallel."""
    with ThreadPoolExecutor() as pool:
        data = folder.read(names)
        while chunk := list(itertools.islice(data, CHUNK)):
            yield from pool.map(lambda item: decode_image(item, size), chunk)
