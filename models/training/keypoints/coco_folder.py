"""Data sets of keypoints in COCO's format (https://cocodataset.org/#format-data), in a folder or a zip.

Annotation files are JSON files whose name contains ``train``, ``val`` or ``test``, such as ``annotations/train.json``.
Each lists pictures, with the keypoints of one instance in each. A picture lies in the folder that the annotation file's
name ends with (``train2017/`` for ``person_keypoints_train2017.json``), in ``images/`` or such a folder below it, or at
its ``file_name`` from the root of the data set.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.decode import Progress, decode_image, stored_size
from edge.models.training.folder import SPLITS, ImageFolder, file_names

SPLIT = re.compile(r"train|test|valid(?:ation)?|val")


@dataclass(frozen=True)
class PosedImages:
    """Decoded pictures with the keypoints of one instance each.

    Attributes:
        images: (n, height, width, channels) uint8, RGB or grey.
        points: (n, keypoints, 2) float32, x and y in fractions of the picture.
        labelled: (n, keypoints) bool, whether the keypoint is labelled. Loss and figures leave the others out.
        names: the names of the pictures.
    """

    images: NDArray[np.uint8]
    points: NDArray[np.float32]
    labelled: NDArray[np.bool_]
    names: tuple[str, ...]

    def subset(self, rows: NDArray[np.int64]) -> "PosedImages":
        """Return the pictures of ``rows``, (m,), in this order."""
        names = tuple(self.names[row] for row in rows)
        return PosedImages(self.images[rows], self.points[rows], self.labelled[rows], names)


@dataclass(frozen=True)
class Instance:
    """One annotated instance.

    Attributes:
        file: the path of the picture in the data set.
        points: (keypoints, 3) x and y in pixels, and COCO's flag: 0 not labelled, 1 hidden, 2 visible.
    """

    file: str
    points: NDArray[np.float64]


@dataclass(frozen=True)
class KeypointFolder:
    """A listed data set, with its annotations read.

    Attributes:
        root: the folder or zip.
        labels: the names of the keypoints.
        edges: pairs of keypoint indices that a drawing joins with a line.
        splits: the instances of those of ``train``, ``test`` and ``validation`` that exist.
    """

    root: Path
    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    splits: dict[str, tuple[Instance, ...]]

    def read(self, split: str, size: tuple[int, int, int], progress: Progress | None = None) -> PosedImages:
        """Decode the pictures of a split.

        Args:
            split: a key of ``splits``.
            size: (height, width, channels) that the pictures are resized to.
            progress: called with the number of pictures that were read and of all pictures.

        Raises:
            FileError: a picture cannot be read or decoded.
            InputError: a keypoint lies outside of its picture.
        """
        instances = self.splits[split]
        images = np.empty((len(instances), *size), np.uint8)
        points = np.empty((len(instances), len(self.labels), 2), np.float32)
        contents = ImageFolder(self.root, (), {}).read(tuple(each.file for each in instances))
        for row, (each, data) in enumerate(zip(instances, contents, strict=True)):
            image = decode_image(data, size)
            if image is None:
                raise FileError(f"{self.root}: {each.file} cannot be decoded: it is damaged or no picture")
            images[row] = image
            points[row] = _fractions(each, stored_size(data), f"{self.root}: {each.file}")
            if progress:
                progress(row + 1, len(instances))
        labelled = np.stack([each.points[:, 2] > 0 for each in instances])
        return PosedImages(images, points, labelled, tuple(each.file for each in instances))


def _fractions(each: Instance, size: tuple[int, int], where: str) -> NDArray[np.float32]:
    """Return the keypoints in fractions of a picture, whose height and width in pixels are ``size``."""
    sides = size[::-1]
    known = each.points[each.points[:, 2] > 0, :2]
    if not ((known >= 0) & (known <= sides)).all():
        x, y = known[((known < 0) | (known > sides)).any(axis=1)][0]
        raise InputError(f"{where}: a keypoint must lie in the picture of {sides[0]}x{sides[1]}, got x {x:g}, y {y:g}")
    return np.asarray(each.points[:, :2] / sides, np.float32)


def open_keypoints(root: Path) -> KeypointFolder:
    """List a data set and read its annotations. No picture is decoded.

    Raises:
        FileError: a file is missing or cannot be read.
        InputError: annotations are not in COCO's format, files have different keypoints, or a picture has several
            instances.
    """
    files = set(file_names(root))
    splits: dict[str, tuple[Instance, ...]] = {}
    known: tuple[tuple[str, ...], tuple[tuple[int, int], ...]] | None = None
    for name, split in sorted(_annotation_files(files)):
        where = f"{root}: {name}"
        content = parse(next(ImageFolder(root, (), {}).read((name,))), where)
        if content is None:
            continue
        if split in splits or known not in (None, (content.labels, content.edges)):
            raise InputError(f"{where}: one annotation file a split, all with the same keypoints, is what a set has")
        known = content.labels, content.edges
        splits[split] = tuple(_instances(content, name, files, where))
    if known is None or not splits.get("train"):
        raise InputError(
            f"data set {root} has no keypoints to train on: expected annotations/train.json in COCO's form with "
            '"images", "annotations" and "categories", in a folder or a zip'
        )
    return KeypointFolder(root, *known, splits)


def _annotation_files(files: set[str]) -> list[tuple[str, str]]:
    """Return the path and the split of each annotation file."""
    found = []
    for name in files:
        path = PurePosixPath(name)
        split = SPLIT.search(path.stem.lower())
        if path.suffix.lower() == ".json" and split and "__MACOSX" not in path.parts and not path.name.startswith("."):
            found.append((name, SPLITS[split[0]]))
    return found


@dataclass(frozen=True)
class Annotations:
    """The content of one annotation file.

    Attributes:
        labels: the names of the keypoints.
        edges: pairs of keypoint indices, counted from 0.
        pictures: the file name of each picture, by COCO's picture id.
        points: the keypoints of each picture that has some, by COCO's picture id; see ``Instance``.
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    pictures: dict[Any, str]
    points: dict[Any, NDArray[np.float64]]


def parse(data: bytes, where: str) -> Annotations | None:
    """Return the content of an annotation file, or None for JSON without keypoints, such as COCO's captions.

    Args:
        data: the content of the file.
        where: the file, for error messages.

    Raises:
        InputError: the file is not JSON, or not in COCO's format.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} must be JSON: {error}") from error
    try:
        if not isinstance(content, dict) or not {"images", "annotations", "categories"} <= content.keys():
            return None
        category = next((c for c in content["categories"] if c.get("keypoints")), None)
        return None if category is None else _annotations(content, category, where)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{type(error).__name__} {error}"
        raise InputError(f"{where} must be keypoint annotations in COCO's form: {what}") from error


def _annotations(content: Mapping[str, Any], category: Mapping[str, Any], where: str) -> Annotations:
    labels = tuple(str(name) for name in category["keypoints"])
    if not all(label.isprintable() and label for label in labels) or len(set(labels)) != len(labels):
        raise InputError(f"{where}: keypoints must have printable names of their own, got {', '.join(labels)[:100]!r}")
    edges = tuple((int(a) - 1, int(b) - 1) for a, b in category.get("skeleton", ()))
    if any(not 0 <= end < len(labels) for pair in edges for end in pair):
        raise InputError(f"{where}: skeleton must hold numbers from 1 to {len(labels)}, the keypoints")
    pictures = {picture["id"]: str(picture["file_name"]) for picture in content["images"]}
    points: dict[Any, NDArray[np.float64]] = {}
    for note in content["annotations"]:
        found = np.asarray(note["keypoints"], np.float64)
        if found.shape != (3 * len(labels),) or not np.isfinite(found).all():
            raise InputError(f"{where}: an annotation must have {3 * len(labels)} numbers x, y, flag, got {found.size}")
        if not (found[2::3] > 0).any():
            continue
        if note["image_id"] in points:
            raise InputError(
                f"{where}: one instance a picture is what the network sees; picture {note['image_id']} has several, "
                "cut each out into a picture of its own"
            )
        points[note["image_id"]] = found.reshape(-1, 3)
    return Annotations(labels, edges, pictures, points)


def _instances(content: Annotations, name: str, files: set[str], where: str) -> Sequence[Instance]:
    found = []
    for number, points in content.points.items():
        if number not in content.pictures:
            raise InputError(f"{where}: an annotation is of picture {number}, which is not among its images")
        found.append(Instance(_locate(content.pictures[number], name, files, where), points))
    return found


def _locate(picture: str, annotation: str, files: set[str], where: str) -> str:
    """Return the path of a picture in the data set, or raise FileError when there is none."""
    path = PurePosixPath(annotation)
    base = path.parent.parent if path.parent.name == "annotations" else path.parent
    folder = re.split(r"[_\s]", path.stem)[-1]
    for parts in ((folder,), ("images", folder), ("images",), ()):
        if (candidate := str(base.joinpath(*parts, picture))) in files:
            return candidate
    raise FileError(f"{where} lists {picture!r}, which is not in {folder}/, in images/ or beside annotations/")
