"""Keypoint data sets in COCO's form (https://cocodataset.org/#format-data): annotations in JSON, pictures beside them.

``annotations/<anything with train, val or test>.json`` lists pictures and, for each, the keypoints of one instance. A
picture lies in the folder that the annotation's name ends with (``person_keypoints_train2017.json``: ``train2017/``),
in ``images/``, or at its ``file_name`` from the set's root.
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
from edge.models.training.decode import Progress, decode_image
from edge.models.training.folder import SPLITS, ImageFolder, file_names

SPLIT = re.compile(r"train|test|valid(?:ation)?|val")


@dataclass(frozen=True)
class Posed:
    """Pictures with the keypoints of one instance each.

    Attributes:
        images: (n, height, width, channels) uint8.
        points: (n, keypoints, 2) float32, x and y in fractions of the picture.
        labelled: (n, keypoints) bool, whether the keypoint is known; the others count nowhere.
        names: of the pictures.
    """

    images: NDArray[np.uint8]
    points: NDArray[np.float32]
    labelled: NDArray[np.bool_]
    names: tuple[str, ...]

    def subset(self, rows: NDArray[np.int64]) -> "Posed":
        """Return the pictures of these rows."""
        return Posed(self.images[rows], self.points[rows], self.labelled[rows], tuple(self.names[r] for r in rows))


@dataclass(frozen=True)
class Instance:
    """One annotated instance.

    Attributes:
        file: the picture, as a path in the data set.
        points: (keypoints, 3) x, y in pixels, and COCO's flag: 0 not labelled, 1 hidden, 2 visible.
    """

    file: str
    points: NDArray[np.float64]


@dataclass(frozen=True)
class KeypointFolder:
    """A data set; no picture is decoded.

    Attributes:
        root: a folder or a zip.
        labels: the keypoints' names.
        edges: pairs of keypoints that a drawing joins.
        splits: instances by ``train``, ``test``, ``validation``, as far as they are there.
    """

    root: Path
    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    splits: dict[str, tuple[Instance, ...]]

    def read(self, split: str, size: tuple[int, int, int], progress: Progress | None = None) -> Posed:
        """Decode the pictures of a split, resized to ``size`` (height, width, channels).

        Raises FileError for a picture that cannot be read, InputError for a keypoint outside of its picture.
        """
        instances = self.splits[split]
        images = np.empty((len(instances), *size), np.uint8)
        points = np.empty((len(instances), len(self.labels), 2), np.float32)
        contents = ImageFolder(self.root, (), {}).read(tuple(each.file for each in instances))
        for row, (each, data) in enumerate(zip(instances, contents, strict=True)):
            sides = self._decode(each, data, images[row])
            points[row] = _fractions(each, sides, f"{self.root}: {each.file}")
            if progress:
                progress(row + 1, len(instances))
        labelled = np.stack([each.points[:, 2] > 0 for each in instances])
        return Posed(images, points, labelled, tuple(each.file for each in instances))

    def _decode(self, each: Instance, data: bytes, target: NDArray[np.uint8]) -> tuple[int, int]:
        """Write the picture into ``target``; return its own width and height."""
        image = decode_image(data, (target.shape[0], target.shape[1], target.shape[2]))
        if image is None:
            raise FileError(f"{self.root}: {each.file} cannot be decoded: it is damaged or no picture")
        target[...] = image
        return picture_size(data)


def picture_size(data: bytes) -> tuple[int, int]:
    """Return width and height of an encoded picture that can be decoded."""
    import cv2

    stored = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
    return stored.shape[1], stored.shape[0]


def _fractions(each: Instance, sides: tuple[int, int], where: str) -> NDArray[np.float32]:
    known = each.points[each.points[:, 2] > 0, :2]
    if not ((known >= 0) & (known <= sides)).all():
        x, y = known[((known < 0) | (known > sides)).any(axis=1)][0]
        raise InputError(f"{where}: a keypoint must lie in the picture of {sides[0]}x{sides[1]}, got x {x:g}, y {y:g}")
    return np.asarray(each.points[:, :2] / sides, np.float32)


def open_keypoints(root: Path) -> KeypointFolder:
    """List a data set and read its annotations.

    Raises FileError for what is missing or cannot be read, InputError for annotations that are not in COCO's form, for
    keypoints that differ between files, and for a picture with several instances.
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
    found = []
    for name in files:
        path = PurePosixPath(name)
        split = SPLIT.search(path.stem.lower())
        if path.suffix.lower() == ".json" and split and "__MACOSX" not in path.parts and not path.name.startswith("."):
            found.append((name, SPLITS[split[0]]))
    return found


@dataclass(frozen=True)
class Annotations:
    """What one annotation file says.

    Attributes:
        labels: the keypoints' names.
        edges: pairs of keypoints, from 0.
        pictures: file names by the picture's number.
        points: (keypoints, 3) by the picture's number; see ``Instance``.
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    pictures: dict[Any, str]
    points: dict[Any, NDArray[np.float64]]


def parse(data: bytes, where: str) -> Annotations | None:
    """Return what an annotation file says; None for JSON without keypoints, which belongs to something else.

    where: the file, for messages. Raises InputError for one that is broken.
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
    """Return where a picture lies in the data set. Raises FileError when it is nowhere."""
    path = PurePosixPath(annotation)
    base = path.parent.parent if path.parent.name == "annotations" else path.parent
    folder = re.split(r"[_\s]", path.stem)[-1]
    for parts in ((folder,), ("images", folder), ("images",), ()):
        if (candidate := str(base.joinpath(*parts, picture))) in files:
            return candidate
    raise FileError(f"{where} lists {picture!r}, which is not in {folder}/, in images/ or beside annotations/")
