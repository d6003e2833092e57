"""Images for calibration and verification: an image-folder data set, any folder of images, or an .npz file.

They go through ``edge.imaging.Preprocessor``, as a camera's frames do, so that ranges are fitted to and
accuracies measured on what the device will see. They are decoded as they are needed, however many there are.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.imaging import Image, InputFormat, Preprocessor
from edge.models.training.folder import ImageFolder, Split, open_folder
from edge.pictures import SUFFIXES, is_whole
from edge.tensors import TensorSpec

Choice = Callable[[NDArray[np.int64]], NDArray[np.int64]]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Images:
    """ids: what each is called. classes: (n,) label indices, None when unknown.

    pictures: yields (height, width, 3) uint8 BGR, or None for an image that cannot be decoded, in order.
    """

    ids: tuple[str, ...]
    classes: NDArray[np.int64] | None
    pictures: Callable[[], Iterator[Image | None]]

    def inputs(self, shape: tuple[int, ...], form: InputFormat) -> Iterator[tuple[int, Floats]]:
        """Yield (position, input) of every image that can be decoded; the input has ``shape``, float32."""
        prepare = Preprocessor(TensorSpec("image", shape, np.dtype(np.float32)), form)
        for position, picture in enumerate(self.pictures()):
            if picture is not None:
                yield position, np.array(prepare(picture), np.float32)

    def batches(self, shape: tuple[int, ...], form: InputFormat, size: int = 256) -> Iterator[tuple[list[int], Floats]]:
        """Yield (positions, inputs) with up to ``size`` images each."""
        rows: list[tuple[int, Floats]] = []
        for row in self.inputs(shape, form):
            rows.append(row)
            if len(rows) == size:
                yield _stacked(rows)
                rows = []
        if rows:
            yield _stacked(rows)


def _stacked(rows: Sequence[tuple[int, Floats]]) -> tuple[list[int], Floats]:
    return [position for position, _ in rows], np.concatenate([value for _, value in rows])


def read_images(path: Path, splits: Sequence[str], labels: tuple[str, ...], choice: Choice) -> Images:
    """Return the images that ``choice`` picks by their classes.

    path: a data set (the first of ``splits`` that it has is taken), a folder of images without classes, or an .npz
    file with ``images`` (n, height, width, channels) uint8, RGB or grey, and optionally ``labels`` (n,).
    """
    if path.suffix == ".npz":
        return _from_npz(path, len(labels), choice)
    if path.is_dir() and not _has_classes(path):
        return _from_list(path, choice)
    folder = open_folder(path, _known(labels))
    members = next((folder.splits[name] for name in splits if name in folder.splits), None)
    if members is None:
        raise InputError(f"data set {path} must have {' or '.join(splits)}, it has {', '.join(folder.splits)}")
    return _chosen(folder, members, choice(np.asarray(members.classes, np.int64)), labelled=True)


def _known(labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """Labels that are just numbers were made up for a model without any; the data set's own order counts then."""
    return None if labels == tuple(str(i) for i in range(len(labels))) else labels


def _has_classes(path: Path) -> bool:
    return any(p.is_dir() and p.name in ("train", "test", "validation", "valid", "val") for p in path.rglob("*"))


def _from_list(path: Path, choice: Choice) -> Images:
    names = tuple(sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not names:
        raise InputError(f"folder {path} has no images ({', '.join(sorted(SUFFIXES))})")
    members = Split(names, (0,) * len(names))
    return _chosen(ImageFolder(path, ("",), {}), members, choice(np.zeros(len(names), np.int64)), labelled=False)


def _chosen(folder: ImageFolder, members: Split, rows: NDArray[np.int64], labelled: bool) -> Images:
    names = tuple(members.names[i] for i in rows)
    classes = np.asarray(members.classes, np.int64)[rows] if labelled else None
    return Images(names, classes, lambda: map(_picture, folder.read(names)))


def _picture(data: bytes) -> Image | None:
    """Return the decoded image, BGR; None for what training leaves out too."""
    if not is_whole(data):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image


def _from_npz(path: Path, classes: int, choice: Choice) -> Images:
    images, labels = _arrays(path)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != np.uint8:
        raise InputError(f"{path}: images must be (n, height, width, 1 or 3) uint8, got {images.shape} {images.dtype}")
    if labels is not None and (labels.shape != (len(images),) or labels.min() < 0 or labels.max() >= classes):
        raise InputError(f"{path}: labels must be ({len(images)},) from 0 to {classes - 1}, got {labels.shape}")
    rows = choice(np.zeros(len(images), np.int64) if labels is None else labels)
    ids = tuple(f"{path.name}[{i}]" for i in rows)
    return Images(ids, None if labels is None else labels[rows], lambda: (_bgr(images[i]) for i in rows))


def _arrays(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    try:
        with np.load(path, allow_pickle=False) as content:
            labels = content["labels"].astype(np.int64) if "labels" in content else None
            return content["images"], labels
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist") from error
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} must be an .npz with an array called images, without pickles: {error}") from error


def _bgr(image: NDArray[np.uint8]) -> Image:
    code = cv2.COLOR_GRAY2BGR if image.shape[-1] == 1 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(image, code), np.uint8)
