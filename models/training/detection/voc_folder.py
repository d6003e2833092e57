"""Data sets of images with boxes in the layout of PASCAL VOC, in a folder or a zip.

``ImageSets/Main/{train,val,trainval,test}.txt`` list the names of images. ``Annotations/<name>.xml`` holds the boxes of
an image, and ``JPEGImages/<name>.jpg``, or a file of another picture format, its pixels. All three folders lie in one
folder, at any depth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.decode import Progress, decode_image, stored_size
from edge.models.training.folder import ImageFolder, file_names
from edge.pictures import SUFFIXES
from edge.tasks.average_precision import Truth

SETS = ("train", "val", "trainval", "test")
LARGEST_XML = 1 << 22
"""The largest size of an annotation file in bytes. A box takes a few hundred bytes."""

FORBIDDEN = ("<!DOCTYPE", "<!ENTITY", "\0")
"""Text that is refused in an annotation: entities can grow without end or read other files. VOC needs none of it."""


@dataclass(frozen=True)
class BoxedImages:
    """Decoded images with their true boxes.

    Attributes:
        images: (n, height, width, channels) uint8, RGB or grey.
        truths: the boxes of each image: ymin, xmin, ymax, xmax in fractions of the image.
        names: the names of the images.
    """

    images: NDArray[np.uint8]
    truths: tuple[Truth, ...]
    names: tuple[str, ...]

    def __add__(self, other: "BoxedImages") -> "BoxedImages":
        images = np.concatenate([self.images, other.images])
        return BoxedImages(images, self.truths + other.truths, self.names + other.names)


@dataclass(frozen=True)
class BoxFolder:
    """A listed data set, with its annotations read.

    Attributes:
        root: the folder or zip.
        labels: the class names, sorted.
        splits: the image names of each set in ``SETS`` that exists and is not empty.
        members: the path of each file by its folder and its name without suffix, such as ``("Annotations", "000005")``.
        objects: the annotated objects of each image, by the image's name.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    members: dict[tuple[str, str], str]
    objects: dict[str, tuple["AnnotatedObject", ...]]

    def read(self, name: str, size: tuple[int, int, int], progress: Progress | None = None) -> BoxedImages:
        """Decode the images of a set.

        Args:
            name: a key of ``splits``.
            size: (height, width, channels) that the images are resized to.
            progress: called with the number of images that were read and of all images.

        Raises:
            InputError: an image cannot be decoded, or a box does not fit its image.
            FileError: an image is missing or cannot be read.
        """
        names = self.splits[name]
        files = [self.member("JPEGImages", stem) for stem in names]
        images = np.empty((len(names), *size), np.uint8)
        truths = []
        for row, data in enumerate(_contents(self.root, files)):
            image = decode_image(data, size)
            if image is None:
                raise InputError(f"{self.root}: {files[row]} cannot be decoded: it is damaged or no picture")
            images[row] = image
            truths.append(self._truth(names[row], stored_size(data)))
            if progress:
                progress(row + 1, len(names))
        return BoxedImages(images, tuple(truths), names)

    def member(self, folder: str, stem: str) -> str:
        """Return the path of a file in the data set.

        Args:
            folder: ``JPEGImages`` or ``Annotations``.
            stem: the file's name without suffix.

        Raises:
            FileError: the data set has no such file.
        """
        if (folder, stem) not in self.members:
            kind = "picture" if folder == "JPEGImages" else "annotation"
            raise FileError(f"data set {self.root} lists {stem!r} but has no {kind} {folder}/{stem}.*")
        return self.members[folder, stem]

    def _truth(self, stem: str, shape: tuple[int, int]) -> Truth:
        objects = self.objects[stem]
        where = f"{self.root}: {self.member('Annotations', stem)}"
        for each in objects:
            each.check(shape, where)
        index = {label: number for number, label in enumerate(self.labels)}
        sides = np.asarray([*shape, *shape], np.float32)
        boxes = np.asarray([each.box for each in objects], np.float32).reshape(-1, 4) / sides
        classes = np.asarray([index[each.label] for each in objects], np.int64)
        return Truth(boxes, classes, np.asarray([each.difficult for each in objects], np.bool_))


@dataclass(frozen=True)
class AnnotatedObject:
    """One object of an annotation.

    Attributes:
        label: the class name.
        box: ymin, xmin, ymax, xmax in pixels counted from 0; the last two are exclusive.
        difficult: whether VOC's evaluation leaves the object out.
        size: height and width of the picture according to the annotation; 0 where it does not say.
    """

    label: str
    box: tuple[float, float, float, float]
    difficult: bool
    size: tuple[int, int]

    def check(self, shape: tuple[int, int], where: str) -> None:
        """Check that the annotation fits its picture.

        Args:
            shape: height and width of the picture in pixels.
            where: the annotation file, for the error message.

        Raises:
            InputError: the annotation was made for another size, or the box is empty or reaches out of the picture.
        """
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
    """List a data set and read its annotations. No picture is decoded.

    Raises:
        FileError: a file is missing or cannot be read.
        InputError: the layout is not that of VOC, an annotation is broken, or only the test set has a class.
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
    objects = {
        stem: parse(data, f"{root}: {path}")
        for stem, path, data in zip(listed, paths, _contents(root, paths), strict=True)
    }
    return BoxFolder(root, _labels(root, splits, objects), splits, members, objects)


def parse(data: bytes, where: str) -> tuple[AnnotatedObject, ...]:
    """Return the objects of one annotation file.

    Args:
        data: the content of the file.
        where: the file, for error messages.

    Raises:
        InputError: the annotation is broken or too large, or holds a document type or an entity.
    """
    try:
        text = data.decode("utf-8-sig")
        if len(data) > LARGEST_XML or any(word in text for word in FORBIDDEN):
            raise InputError(f"{where} must be plain XML without DOCTYPE or ENTITY, at most {LARGEST_XML} bytes")
        tree = ElementTree.fromstring(text)
        size = (_whole(tree, "size/height"), _whole(tree, "size/width"))
        return tuple(_annotated_object(each, size) for each in tree.findall("object"))
    except InputError:
        raise
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{where} is no VOC annotation: {error}") from error


def _annotated_object(each: ElementTree.Element, size: tuple[int, int]) -> AnnotatedObject:
    """Return an object of the XML. VOC counts pixels from 1; a 0 of a set that counts from 0 stays 0."""
    label = (each.findtext("name") or "").strip()
    if not label.isprintable() or not label:
        raise ValueError(f"an object needs a printable name, got {label!r}")
    low_x, low_y, high_x, high_y = (_number(each, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
    box = (low_y - (low_y >= 1), low_x - (low_x >= 1), high_y, high_x)
    return AnnotatedObject(label, box, (each.findtext("difficult") or "0").strip() == "1", size)


def _number(each: ElementTree.Element, path: str) -> float:
    text = each.findtext(path)
    if text is None:
        raise ValueError(f"an object has no {path}")
    return float(text)


def _whole(tree: ElementTree.Element, path: str) -> int:
    return int(tree.findtext(path) or 0)


def _labels(
    root: Path, splits: dict[str, tuple[str, ...]], objects: dict[str, tuple[AnnotatedObject, ...]]
) -> tuple[str, ...]:
    """Return the classes of the training sets. A class that only the test set has is most often misspelt."""
    found = {name: {each.label for stem in stems for each in objects[stem]} for name, stems in splits.items()}
    trained = sorted(set().union(*(labels for name, labels in found.items() if name != "test")))
    if not trained:
        raise InputError(f"data set {root} has no box to train on in ImageSets/Main/train.txt or trainval.txt")
    for stem in splits.get("test", ()):
        for each in objects[stem]:
            if each.label not in trained:
                raise InputError(
                    f"data set {root}: class {each.label!r} of test picture {stem} is not among those trained on: "
                    f"{', '.join(trained)}"
                )
    return tuple(trained)


def _base(root: Path, files: Iterable[str]) -> PurePosixPath:
    """Return the folder that holds ``ImageSets/Main`` with a list of one of the known sets."""
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
    """Return the first word of each line without repetition. In lists of one class, a 1 or -1 follows the name."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{where} must be text, a name a line: {error}") from error
    return tuple(dict.fromkeys(line.split()[0] for line in lines if line.strip()))


def _fits(folder: str, file: str) -> bool:
    suffix = PurePosixPath(file).suffix.lower()
    return suffix == ".xml" if folder == "Annotations" else suffix in SUFFIXES


def _contents(root: Path, files: Sequence[str]) -> Iterable[bytes]:
    """Yield the content of each file in order, or raise FileError when one cannot be read. A zip is opened once."""
    for file, data in zip(files, ImageFolder(root, (), {}).read(tuple(files)), strict=True):
        if not data:
            raise FileError(f"{root}: {file} cannot be read or is empty")
        yield data
