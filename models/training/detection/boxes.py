"""Images with boxes, as PASCAL VOC lays them out, in a folder or a zip: read once into memory.

``ImageSets/Main/{train,val,trainval,test}.txt`` list names, ``Annotations/<name>.xml`` hold the boxes and
``JPEGImages/<name>.jpg`` (or another picture) the pixels; all three below one folder of any depth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.decode import Progress, decode_image
from edge.models.training.folder import ImageFolder, file_names
from edge.pictures import SUFFIXES
from edge.tasks.average_precision import Truth

SETS = ("train", "val", "trainval", "test")
LARGEST_XML = 1 << 22
"""Bytes; an annotation takes some hundreds a box."""

FORBIDDEN = ("<!DOCTYPE", "<!ENTITY", "\0")
"""What expands to more than it is, or reads other files; an annotation needs none of it."""


@dataclass(frozen=True)
class Boxed:
    """images: (n, height, width, channels) uint8. truths: their boxes, in fractions of the image. names: one each."""

    images: NDArray[np.uint8]
    truths: tuple[Truth, ...]
    names: tuple[str, ...]

    def __add__(self, other: "Boxed") -> "Boxed":
        images = np.concatenate([self.images, other.images])
        return Boxed(images, self.truths + other.truths, self.names + other.names)


@dataclass(frozen=True)
class BoxFolder:
    """labels: classes, sorted. splits: names by set, of the sets in ``SETS`` that are there and not empty.

    members: file by its folder and name without suffix: ``("Annotations", "000005")``.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    members: dict[tuple[str, str], str]
    marks: dict[str, tuple["Mark", ...]]

    def read(self, name: str, size: tuple[int, int, int], progress: Progress | None = None) -> Boxed:
        """Decode the set ``name``, pixels resized to ``size`` (height, width, channels). Raises InputError.

        A picture that is missing or cannot be decoded, or boxes that do not fit it, are named in one line.
        """
        names = self.splits[name]
        files = [self.member("JPEGImages", stem) for stem in names]
        images = np.empty((len(names), *size), np.uint8)
        truths = []
        for row, data in enumerate(_contents(self.root, files)):
            images[row], shape = _picture(data, size, f"{self.root}: {files[row]}")
            truths.append(self._truth(names[row], shape))
            if progress:
                progress(row + 1, len(names))
        return Boxed(images, tuple(truths), names)

    def member(self, folder: str, stem: str) -> str:
        """Return the file of ``folder`` that belongs to the name ``stem``. Raises FileError when there is none."""
        if (folder, stem) not in self.members:
            kind = "picture" if folder == "JPEGImages" else "annotation"
            raise FileError(f"data set {self.root} lists {stem!r} but has no {kind} {folder}/{stem}.*")
        return self.members[folder, stem]

    def _truth(self, stem: str, shape: tuple[int, int]) -> Truth:
        marks = self.marks[stem]
        where = f"{self.root}: {self.member('Annotations', stem)}"
        for mark in marks:
            mark.check(shape, where)
        index = {label: number for number, label in enumerate(self.labels)}
        sides = np.asarray([*shape, *shape], np.float32)
        boxes = np.asarray([mark.box for mark in marks], np.float32).reshape(-1, 4) / sides
        classes = np.asarray([index[mark.label] for mark in marks], np.int64)
        return Truth(boxes, classes, np.asarray([mark.difficult for mark in marks], np.bool_))


@dataclass(frozen=True)
class Mark:
    """One object of an annotation. box: ymin, xmin, ymax, xmax in pixels from 0, the last two exclusive.

    size: height and width of the picture as the annotation has them, 0 where it does not say.
    """

    label: str
    box: tuple[float, float, float, float]
    difficult: bool
    size: tuple[int, int]

    def check(self, shape: tuple[int, int], where: str) -> None:
        """Raise InputError unless the box lies in a picture of ``shape`` and the annotation was made for it."""
        height, width = shape
        if all(self.size) and self.size != shape:
            drawn = f"{self.size[1]}x{self.size[0]}"
            raise InputError(f"{where} is for a picture of {drawn}, the picture has {width}x{height}")
        top, left, bottom, right = self.box
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise InputError(
                f"{where}: a box of {self.label!r} must lie in the picture of {width}x{height} and not be empty, "
                f"1 <= xmin <= xmax <= {width} and 1 <= ymin <= ymax <= {height}; "
                f"got x {left + 1:g} to {right:g}, y {top + 1:g} to {bottom:g}"
            )


def open_boxes(root: Path) -> BoxFolder:
    """List a data set and read its annotations; no picture is decoded.

    Classes are those of the sets that are trained on. Raises FileError for what is missing or cannot be read,
    InputError when it is not laid out as VOC, or a class stands in the test set only.
    """
    files = file_names(root)
    base = _base(root, files)
    members = {
        (folder, PurePosixPath(file).stem): file
        for folder in ("Annotations", "JPEGImages")
        for file in files
        if PurePosixPath(file).parent == base / folder and _fits(folder, file)
    }
    splits = _splits(root, base, files)
    listed = sorted({stem for names in splits.values() for stem in names})
    found = BoxFolder(root, (), splits, members, {})
    paths = [found.member("Annotations", stem) for stem in listed]
    marks = {
        stem: parse(data, f"{root}: {path}")
        for stem, path, data in zip(listed, paths, _contents(root, paths), strict=True)
    }
    return BoxFolder(root, _labels(root, splits, marks), splits, members, marks)


def parse(data: bytes, where: str) -> tuple[Mark, ...]:
    """Return the objects of one annotation. where: the file, for messages. Raises InputError for one that is broken.

    A document type or an entity is refused: those make XML read other files or grow without end.
    """
    try:
        text = data.decode("utf-8-sig")
        if len(data) > LARGEST_XML or any(word in text for word in FORBIDDEN):
            raise InputError(f"{where} must be plain XML without DOCTYPE or ENTITY, at most {LARGEST_XML} bytes")
        tree = ElementTree.fromstring(text)
        size = (_whole(tree, "size/height"), _whole(tree, "size/width"))
        return tuple(_mark(each, size) for each in tree.findall("object"))
    except InputError:
        raise
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{where} is no VOC annotation: {error}") from error


def _mark(each: ElementTree.Element, size: tuple[int, int]) -> Mark:
    """VOC counts pixels from 1 and the last ones in; sets that count from 0 are met, too: 0 is the picture's edge."""
    label = (each.findtext("name") or "").strip()
    if not label.isprintable() or not label:
        raise ValueError(f"an object needs a printable name, got {label!r}")
    low_x, low_y, high_x, high_y = (_number(each, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
    box = (low_y - (low_y >= 1), low_x - (low_x >= 1), high_y, high_x)
    return Mark(label, box, (each.findtext("difficult") or "0").strip() == "1", size)


def _number(each: ElementTree.Element, path: str) -> float:
    text = each.findtext(path)
    if text is None:
        raise ValueError(f"an object has no {path}")
    return float(text)


def _whole(tree: ElementTree.Element, path: str) -> int:
    return int(tree.findtext(path) or 0)


def _labels(root: Path, splits: dict[str, tuple[str, ...]], marks: dict[str, tuple[Mark, ...]]) -> tuple[str, ...]:
    """Return the classes that are trained on. A class that only the test set has is misspelt more often than not."""
    found = {name: {mark.label for stem in stems for mark in marks[stem]} for name, stems in splits.items()}
    trained = sorted(set().union(*(labels for name, labels in found.items() if name != "test")))
    if not trained:
        raise InputError(f"data set {root} has no box to train on in ImageSets/Main/train.txt or trainval.txt")
    for stem in splits.get("test", ()):
        for mark in marks[stem]:
            if mark.label not in trained:
                raise InputError(
                    f"data set {root}: class {mark.label!r} of test picture {stem} is not among those trained on: "
                    f"{', '.join(trained)}"
                )
    return tuple(trained)


def _base(root: Path, files: Iterable[str]) -> PurePosixPath:
    """Return the folder that holds ``ImageSets/Main`` with a list that is known."""
    lists = [PurePosixPath(file) for file in files]
    bases = sorted(
        {path.parents[2] for path in lists if path.parent.parts[-2:] == ("ImageSets", "Main") and path.stem in SETS}
    )
    bases = [base for base in bases if "__MACOSX" not in base.parts]
    if len(bases) != 1:
        raise InputError(
            f"data set {root} must hold one VOC folder with ImageSets/Main/{{train,val,trainval,test}}.txt, "
            f"Annotations/*.xml and JPEGImages/*.jpg; found {len(bases)}"
        )
    return bases[0]


def _splits(root: Path, base: PurePosixPath, files: Sequence[str]) -> dict[str, tuple[str, ...]]:
    paths = {name: str(base / "ImageSets" / "Main" / f"{name}.txt") for name in SETS}
    there = [name for name in SETS if paths[name] in files]
    texts = _contents(root, [paths[name] for name in there])
    splits = {name: _stems(data, f"{root}: {paths[name]}") for name, data in zip(there, texts, strict=True)}
    return {name: stems for name, stems in splits.items() if stems}


def _stems(data: bytes, where: str) -> tuple[str, ...]:
    """Return the first word of each line, each once: lists of one class have a 1 or a -1 behind it."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{where} must be text, a name a line: {error}") from error
    return tuple(dict.fromkeys(line.split()[0] for line in lines if line.strip()))


def _fits(folder: str, file: str) -> bool:
    suffix = PurePosixPath(file).suffix.lower()
    return suffix == ".xml" if folder == "Annotations" else suffix in SUFFIXES


def _contents(root: Path, files: Sequence[str]) -> Iterable[bytes]:
    """Yield the files' bytes in order; the zip is opened once. Raises FileError for one that cannot be read."""
    for file, data in zip(files, ImageFolder(root, (), {}).read(tuple(files)), strict=True):
        if not data:
            raise FileError(f"{root}: {file} cannot be read or is empty")
        yield data


def _picture(data: bytes, size: tuple[int, int, int], where: str) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Return the resized pixels, and height and width of the picture as it is stored."""
    image = decode_image(data, size)
    if image is None:
        raise InputError(f"{where} cannot be decoded: it is damaged or no picture")
    stored = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
    return image, (stored.shape[0], stored.shape[1])
