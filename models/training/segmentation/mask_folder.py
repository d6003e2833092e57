"""Data sets of images with masks, in a folder or a zip. An image and its mask have the same name.

Images lie in a folder called ``image`` or ``images``, and masks in one called ``mask``, ``masks``, ``label`` or
``labels``. A folder called ``train``, ``test`` or ``validation``, above or below them, is the split. The rest of the
path is the same for an image and its mask: ``membrane/train/image/0.png`` and ``membrane/train/label/0.png``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.folder import SPLITS, ImageFolder, file_names
from edge.pictures import SUFFIXES, is_whole

FOLDERS = dict.fromkeys(("image", "images"), "image") | dict.fromkeys(("mask", "masks", "label", "labels"), "mask")
LABELS = "labels.txt"
BINARY = {0, 255}
IGNORED = 255
"""The value of mask pixels that loss and figures leave out, when the other values are class indices."""

REPORTED = 0.2
"""The fraction of the images that is held out when the data set has no test images: the last ones by name.

The choice is not random, because neighbours in an image stack or a video are nearly equal: the test images would then
be almost the same as training images.
"""


@dataclass(frozen=True, eq=False)
class Pair:
    """An image and its mask, as encoded files that ``decoded`` decodes.

    Attributes:
        name: the path of the image in the data set.
        image: the content of the image file.
        mask: the content of the mask file.
        shape: height and width of both in pixels.
    """

    name: str
    image: bytes
    mask: bytes
    shape: tuple[int, int]


@dataclass(frozen=True)
class MaskSet:
    """A data set that was read.

    Attributes:
        labels: the class names.
        classes: (256,) uint8, the label index of each mask value, or ``IGNORED``.
        splits: the pairs of ``train`` and ``test``, and of ``validation`` if it exists.
    """

    labels: tuple[str, ...]
    classes: NDArray[np.uint8]
    splits: dict[str, tuple[Pair, ...]]


def open_masks(root: Path, channels: int, progress: Callable[[int, int], None] | None = None) -> MaskSet:
    """Read a data set and check each pair. The files stay encoded in memory.

    Args:
        root: a folder or a zip.
        channels: channels of the network's input, 1 or 3.
        progress: called with the number of pairs that were read and of all pairs.

    Raises:
        FileError: a file cannot be read or decoded.
        InputError: an image or a mask has no counterpart, or masks do not fit their images or each other.
    """
    names = file_names(root)
    found = _paired(root, names)
    total = sum(map(len, found.values()))
    splits: dict[str, tuple[Pair, ...]] = {}
    values: dict[int, str] = {}
    done = 0
    for split, pairs in found.items():
        files = ImageFolder(root, (), {}).read(tuple(name for pair in pairs for name in pair))
        read = []
        for pair, image, mask in zip(pairs, files, files, strict=False):  # it yields an image, then its mask
            shape = _check(root, pair, image, mask, channels, values)
            read.append(Pair(pair[0], image, mask, shape))
            done += 1
            if progress:
                progress(done, total)
        splits[split] = tuple(read)
    labels, classes = _classes(root, values, _labels(root, names))
    return MaskSet(labels, classes, _with_test(root, splits))


def _paired(root: Path, names: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the paths of each image and its mask by split, or raise InputError when a counterpart is missing."""
    sides: dict[str, dict[tuple[str, str], str]] = {"image": {}, "mask": {}}
    for name in names:
        if parsed := _parse(name):
            side, key = parsed
            if key in sides[side]:
                raise InputError(f"data set {root}: one {side} a name, got {sides[side][key]} and {name}")
            sides[side][key] = name
    images, masks = sides["image"], sides["mask"]
    if not images or not masks:
        raise InputError(
            f"data set {root} must have images in image/ or images/ and masks in mask/, masks/, label/ or labels/, "
            f"got {len(images)} images and {len(masks)} masks"
        )
    for key, name in sorted({**images, **masks}.items()):
        if key not in images or key not in masks:
            here, there = ("image", "mask") if key in images else ("mask", "image")
            raise InputError(f"data set {root}: {here} {name} must have {_an(there)} of the same name, got none")
    pairs: dict[str, list[tuple[str, str]]] = {}
    for key in sorted(images, key=lambda key: _number_key(images[key])):
        pairs.setdefault(key[0], []).append((images[key], masks[key]))
    return pairs


def _an(noun: str) -> str:
    return f"an {noun}" if noun == "image" else f"a {noun}"


def _parse(name: str) -> tuple[str, tuple[str, str]] | None:
    """Return ``image`` or ``mask`` and the key (split, name) of a file's pair, or None for any other file."""
    path = PurePosixPath(name)
    *folders, _ = path.parts
    if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        return None
    at = next((i for i in reversed(range(len(folders))) if folders[i].lower() in FOLDERS), None)
    if at is None:
        return None
    side = FOLDERS[folders.pop(at).lower()]
    split = next((part for part in folders if part in SPLITS), None)
    rest = [part for part in folders if part != split]
    return side, (SPLITS[split] if split else "train", "/".join([*rest, path.stem]))


def _number_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that puts ``2.png`` before ``10.png``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]


def _check(
    root: Path, names: tuple[str, str], data: bytes, mask_data: bytes, channels: int, values: dict[int, str]
) -> tuple[int, int]:
    """Check a pair and return its shape. New mask values are added to ``values``, with the name of the mask."""
    image, mask = decode(data, channels), _decoded(mask_data, cv2.IMREAD_UNCHANGED)
    for side, array, name, size in (("image", image, names[0], len(data)), ("mask", mask, names[1], len(mask_data))):
        if array is None:
            raise FileError(
                f"data set {root}: {side} {name} cannot be decoded; expected a whole image file, got {size} bytes"
            )
    assert image is not None
    if mask.dtype != np.uint8 or (mask.ndim == 3 and (mask[..., :3] != mask[..., :1]).any()):
        got = "colours" if mask.dtype == np.uint8 else f"{8 * mask.dtype.itemsize} bits a pixel"
        raise InputError(f"data set {root}: mask {names[1]} must be grey, 8 bits a pixel, got {got}")
    if mask.shape[:2] != image.shape[:2]:
        expected, got = ("x".join(map(str, a.shape[1::-1])) for a in (image, mask))
        raise InputError(f"data set {root}: mask {names[1]} must have its image's size, expected {expected}, got {got}")
    for value in np.flatnonzero(np.bincount(_grey(mask).ravel(), minlength=256)):
        values.setdefault(int(value), names[1])
    return int(mask.shape[0]), int(mask.shape[1])


def _classes(
    root: Path, values: dict[int, str], labels: tuple[str, ...] | None
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Return the labels, and the table of label indices by mask value."""
    table = np.full(256, IGNORED, np.uint8)
    if set(values) <= BINARY and (labels is None or len(labels) == 2):
        table[[0, 255]] = 0, 1
        return labels or ("background", "foreground"), table
    indices = sorted(set(values) - {IGNORED})
    count = len(labels) if labels else next((n for n in range(256) if n not in values), 256)
    if strange := [value for value in indices if value >= count]:
        rule = (
            f"below {count}, the lines of {LABELS}" if labels else "0 and 255, or class indices 0, 1, 2 without a gap"
        )
        raise InputError(f"data set {root}: mask values must be {rule}; got {strange[0]} in {values[strange[0]]}")
    if count < 2:
        raise InputError(f"data set {root}: masks must hold at least 2 classes, got only the value {indices[0]}")
    table[:count] = np.arange(count)
    if labels is None:
        labels = ("background", "foreground") if count == 2 else tuple(f"class {index}" for index in range(count))
    return labels, table


def _labels(root: Path, names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the lines of the file of labels, or None when there is no such file."""
    name = next((name for name in names if PurePosixPath(name).name == LABELS), None)
    if name is None:
        return None
    (data,) = ImageFolder(root, (), {}).read((name,))
    labels = tuple(line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip())
    if not 2 <= len(labels) <= IGNORED:
        raise InputError(f"data set {root}: {name} must have 2 to {IGNORED} lines, one a class, got {len(labels)}")
    return labels


def _with_test(root: Path, splits: dict[str, tuple[Pair, ...]]) -> dict[str, tuple[Pair, ...]]:
    """Return the splits with a test split, which is the validation split or the last training images if need be."""
    if "train" not in splits:
        raise InputError(f"data set {root} must have images to train on, got only {', '.join(splits)}")
    if "test" in splits:
        return splits
    if "validation" in splits:
        return {**splits, "test": splits["validation"]}
    pairs = splits["train"]
    if len(pairs) < 2:
        raise InputError(f"data set {root} must have at least 2 images to hold one out, got {len(pairs)}")
    kept = len(pairs) - max(1, round(REPORTED * len(pairs)))
    return {**splits, "train": pairs[:kept], "test": pairs[kept:]}


def decode(data: bytes, channels: int) -> NDArray[np.uint8] | None:
    """Return the pixels of an image file, or None when it is not a whole image.

    Args:
        data: the content of the file.
        channels: 3 for RGB, 1 for grey.

    Returns:
        (height, width, channels) uint8.
    """
    image = _decoded(data, cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR)
    if image is None:
        return None
    return image[..., None] if channels == 1 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


@lru_cache(maxsize=64)
def decoded(pair: Pair, channels: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the image and the mask of a checked pair. They are cached, so callers must not change them.

    Args:
        pair: the encoded files.
        channels: channels of the image, 1 or 3.

    Returns:
        (height, width, channels) uint8, and (height, width) uint8 with the values of the mask file.
    """
    image, mask = decode(pair.image, channels), _decoded(pair.mask, cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image, _grey(mask)


def _decoded(data: bytes, flag: int) -> Any:
    if not is_whole(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error:
        return None


def _grey(mask: Any) -> NDArray[np.uint8]:
    return np.ascontiguousarray(mask if mask.ndim == 2 else mask[..., 0], np.uint8)
