"""Image folders: a folder or zip with ``train/`` and ``test/`` or ``validation/``, and in these a folder a class."""

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from edge.errors import FileError, InputError
from edge.files import ZIP_DAMAGE
from edge.pictures import SUFFIXES

SPLITS = {"train": "train", "test": "test", "validation": "validation", "valid": "validation", "val": "validation"}


@dataclass(frozen=True)
class Split:
    """A split of an image folder.

    Attributes:
        names: paths inside the folder or zip, sorted.
        classes: the label index of each name.
    """

    names: tuple[str, ...]
    classes: tuple[int, ...]


@dataclass(frozen=True)
class ImageFolder:
    """A listed data set.

    Attributes:
        root: the folder or zip.
        labels: the names of the class folders, sorted.
        splits: those of ``train``, ``test`` and ``validation`` that exist.
    """

    root: Path
    labels: tuple[str, ...]
    splits: dict[str, Split]

    def split(self, name: str) -> Split:
        """Return one split.

        Raises:
            InputError: the data set has no split of this name.
        """
        if name not in self.splits:
            raise InputError(f"data set {self.root} has no {name}/ folder; it has: {', '.join(self.splits)}")
        return self.splits[name]

    def evaluation(self) -> str:
        """Return the name of the split that accuracies are reported on: ``test`` if it exists, else ``validation``.

        Raises:
            InputError: there is neither.
        """
        for name in ("test", "validation"):
            if name in self.splits:
                return name
        raise InputError(f"data set {self.root} has no test/ and no validation/ folder to report accuracy on")

    def read(self, names: Iterator[str] | tuple[str, ...]) -> Iterator[bytes]:
        """Yield the content of the files, in order. A file that cannot be read yields no bytes."""
        if self.root.is_dir():
            yield from (_bytes(self.root.joinpath(name).read_bytes) for name in names)
            return
        with zipfile.ZipFile(self.root) as archive:
            members = _members(archive)
            yield from (_bytes(partial(_member, archive, members, name)) for name in names)


def _member(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    return archive.read(members[name])


def _bytes(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, KeyError, *ZIP_DAMAGE):
        return b""


MARKED_UTF8 = 0x800
"""The flag of a zip's member whose name is marked as UTF-8 (APPNOTE.TXT 6.3.10, section 4.4.4)."""


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a zip by their names.

    macOS and some Linux tools write names in UTF-8 without the mark. Python takes those for the character set of DOS.
    """
    return {_name(member): member for member in archive.infolist()}


def _name(member: zipfile.ZipInfo) -> str:
    if member.flag_bits & MARKED_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def open_folder(root: Path, labels: tuple[str, ...] | None = None, same_classes: bool = True) -> ImageFolder:
    """List a data set without reading an image.

    Args:
        root: a folder or a zip.
        labels: the classes of an existing model; None takes the folders' names.
        same_classes: whether a class that is only there to report on is refused.

    Raises:
        FileError: the data set cannot be read.
        InputError: it has no images in class folders, or a class folder that is not one of ``labels``.
    """
    rows = [row for name in _names(root) if (row := _parse(name))]
    if not rows:
        raise InputError(
            f"data set {root} has no images in class folders: expected train/<class>/*.jpg and test/<class>/*.jpg "
            f"({', '.join(sorted(SUFFIXES))}), in a folder or a zip"
        )
    found = tuple(sorted({label for _, label, _ in rows}))
    if labels is None:
        labels = found
    elif strangers := [label for label in found if label not in labels]:
        raise InputError(f"class folder {strangers[0]!r} is not one of the model's labels: {', '.join(labels)}")
    index = {label: number for number, label in enumerate(labels)}
    splits = {}
    for split in dict.fromkeys(SPLITS.values()):
        members = sorted((name, index[label]) for s, label, name in rows if s == split)
        if members:
            splits[split] = Split(tuple(m[0] for m in members), tuple(m[1] for m in members))
    if same_classes:
        _check_labels_agree(root, rows)
    return ImageFolder(root, labels, splits)


def class_listing(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the names of the images of each split, for the training of a classifier. No image is read.

    Raises:
        FileError: the data set cannot be read.
        InputError: ``open_folder`` refuses it, or it has only one class.
    """
    folder = open_folder(root)
    if len(folder.labels) == 1:
        taken = _class_folder(next(iter(folder.splits.values())).names[0])
        raise InputError(
            f"a classifier needs two classes or more, got one in data set {root}: the folder {taken} was taken for "
            "the class; put one folder a class directly into train/, as train/<class>/*.jpg"
        )
    return {name: split.names for name, split in folder.splits.items()}


def file_names(root: Path) -> list[str]:
    """Return the names of all files of a folder or a zip, sorted.

    Raises:
        FileError: it cannot be read.
    """
    if root.is_dir():
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    if not root.exists():
        raise FileError(
            f"data set {root} does not exist; expected a folder, a zip or the name of a drawn set, scenes or scenes:…"
        )
    try:
        with zipfile.ZipFile(root) as archive:
            return sorted(name for name in _members(archive) if not name.endswith("/"))
    except (OSError, *ZIP_DAMAGE) as error:
        raise FileError(f"data set {root} cannot be read as a zip: {error}") from error


def _check_labels_agree(root: Path, rows: list[tuple[str, str, str]]) -> None:
    """Refuse a class without training images, which most often is a folder whose name is misspelt."""
    trained = {label for split, label, _ in rows if split == "train"}
    for split, label, _ in rows:
        if trained and label not in trained:
            raise InputError(f"data set {root}: class folder {split}/{label} has no counterpart train/{label}")


def _names(root: Path) -> list[str]:
    if root.is_dir():
        return [str(p.relative_to(root).as_posix()) for p in root.rglob("*") if p.suffix.lower() in SUFFIXES]
    if not root.exists():
        raise FileError(
            f"data set {root} does not exist; expected a folder, a zip or the name of a drawn set, scenes or scenes:…"
        )
    try:
        with zipfile.ZipFile(root) as archive:
            images = {n: m for n, m in _members(archive).items() if PurePosixPath(n).suffix.lower() in SUFFIXES}
            if images and not any(_is_readable(archive, member) for member in images.values()):
                archive.open(next(iter(images.values()))).close()
            return list(images)
    except (OSError, *ZIP_DAMAGE) as error:
        raise FileError(f"data set {root} cannot be read as a zip: {error}") from error


def _is_readable(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Return whether Python can read the member: it is not encrypted, nor compressed in an unknown way."""
    try:
        archive.open(member).close()
    except (OSError, *ZIP_DAMAGE):
        return False
    return True


def _parse(name: str) -> tuple[str, str, str] | None:
    """Return split, label and name for ``[anything/]train/<class>/file``; None for files elsewhere.

    Files that tools leave behind (``.ipynb_checkpoints``, ``__MACOSX``, ``._1.jpg``) are neither classes nor images.
    """
    parts = PurePosixPath(name).parts
    for position, part in enumerate(parts[:-2]):
        if part in SPLITS and "__MACOSX" not in parts:
            hidden = any(below.startswith(".") for below in parts[position + 1 :])
            return None if hidden else (SPLITS[part], parts[position + 1], name)
    return None


def _class_folder(name: str) -> str:
    """Return the folder that ``_parse`` takes for the class of an image."""
    parts = PurePosixPath(name).parts
    split = next(position for position, part in enumerate(parts) if part in SPLITS)
    return "/".join(parts[: split + 2])
