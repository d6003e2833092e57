"""Images for calibration and verification: an image-folder data set, any folder of images, or an .npz file."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.cli._data import open_data, tell_corrupt
from edge.cli._main import progress
from edge.errors import FileProblem, InvalidInput
from edge.models.training.decode import decode_split
from edge.models.training.folder import SUFFIXES, ImageFolder, Split

Choice = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@dataclass(frozen=True)
class Images:
    """pixels: (n, height, width, channels) uint8, RGB or grey. classes: (n,) label indices, None when unknown."""

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64] | None
    ids: tuple[str, ...]


def read_images(text: str, size: tuple[int, int, int], split: str, labels: tuple[str, ...], choice: Choice) -> Images:
    """Return the images that ``choice`` picks by their classes, resized to ``size`` (height, width, channels).

    text: a data set (its ``split`` is taken, or what it has), a folder of images without classes, or an .npz
    file with ``images`` (n, height, width, channels) uint8 and optionally ``labels`` (n,).
    """
    path = Path(text)
    if path.suffix == ".npz":
        return _from_npz(path, size, choice)
    if path.is_dir() and not _has_classes(path):
        return _from_list(path, size, choice)
    folder = open_data(text, _known(labels))
    members = folder.split(split if split in folder.splits else next(iter(folder.splits)))
    return _decode(folder, members, choice(np.asarray(members.classes, np.int64)), size, labelled=True)


def _known(labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """Labels that are just numbers were made up for a model without any; the data set's own order counts then."""
    return None if labels == tuple(str(i) for i in range(len(labels))) else labels


def _has_classes(path: Path) -> bool:
    return any(p.is_dir() and p.name in ("train", "test", "validation", "valid", "val") for p in path.rglob("*"))


def _from_list(path: Path, size: tuple[int, int, int], choice: Choice) -> Images:
    names = tuple(sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not names:
        raise InvalidInput(f"folder {path} has no images ({', '.join(sorted(SUFFIXES))})")
    members = Split(names, (0,) * len(names))
    folder = ImageFolder(path, ("",), {})
    return _decode(folder, members, choice(np.zeros(len(names), np.int64)), size, labelled=False)


def _decode(
    folder: ImageFolder, members: Split, rows: NDArray[np.int64], size: tuple[int, int, int], labelled: bool
) -> Images:
    picked = Split(tuple(members.names[i] for i in rows), tuple(members.classes[i] for i in rows))
    part = ImageFolder(folder.root, folder.labels, {"picked": picked})
    with tempfile.TemporaryDirectory(prefix="edge-images-") as scratch:
        decoded = decode_split(part, "picked", size, Path(scratch), progress(f"reading {folder.root.name}"))
        pixels = np.array(decoded.images)
    tell_corrupt(decoded.corrupt)
    return Images(pixels, decoded.classes if labelled else None, decoded.names)


def _from_npz(path: Path, size: tuple[int, int, int], choice: Choice) -> Images:
    try:
        with np.load(path, allow_pickle=False) as content:
            images = content["images"]
            classes = content["labels"].astype(np.int64) if "labels" in content else None
    except FileNotFoundError as error:
        raise FileProblem(f"{path} does not exist") from error
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"{path} must hold an array called images, without pickled objects: {error}") from error
    if images.ndim != 4 or images.shape[1:] != size or images.dtype != np.uint8:
        raise InvalidInput(
            f"{path}: images must be (n, {size[0]}, {size[1]}, {size[2]}) uint8, got {images.shape} {images.dtype}"
        )
    if classes is not None and classes.shape != (len(images),):
        raise InvalidInput(f"{path}: labels must be ({len(images)},), got {classes.shape}")
    rows = choice(np.zeros(len(images), np.int64) if classes is None else classes)
    return Images(images[rows], None if classes is None else classes[rows], tuple(f"{path.name}[{i}]" for i in rows))
