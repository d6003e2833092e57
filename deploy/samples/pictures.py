"""Pictures: of an image-folder data set with classes, or of any folder."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.deploy.samples.base import Choice, Sample, Samples, Wanted, part, unlabelled
from edge.errors import InputError
from edge.imaging import Image, Preprocessor
from edge.models.training.folder import ImageFolder, open_folder
from edge.pictures import SUFFIXES, is_whole
from edge.placement import Placement
from edge.signature import describe
from edge.tensors import Array, TensorSpec, dequantize

PARTS = ("train", "test", "validation", "valid", "val")


class Preparation:
    """Turns pictures into the one image input of a network."""

    def __init__(self, wanted: Wanted) -> None:
        """Raises InputError when the network does not take exactly one image."""
        entry = wanted.signature.image
        if entry is None or entry.format is None or len(wanted.signature.inputs) != 1 or len(entry.shape) == 5:
            raise InputError(
                f"pictures are samples for a network with one image input, this one takes "
                f"{describe(wanted.signature.inputs)}; give an .npz file with an array for each input"
            )
        self.name, self.size = entry.name, entry.size
        self._spec = wanted.specs[entry.name]
        self._prepare = Preprocessor(self._spec, entry.format)

    def __call__(self, picture: Image) -> tuple[dict[str, Array], Placement]:
        """Return the input by name and where the picture lies in it. picture: (height, width, 3) uint8 BGR."""
        prepared = self._prepare(picture)
        return {self.name: real(prepared.tensor, self._spec)}, prepared.placement


def real(tensor: Array, spec: TensorSpec) -> Array:
    """Return the real values of an input's tensor, in memory of their own; plain integers stay what they are."""
    return dequantize(tensor, spec) if spec.quantization is not None else tensor.copy()


def of_classes(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the pictures of ``<split>/<class>/*.jpg`` in a folder or a zip; the class is the truth of a classifier."""
    labels = (wanted.labels or None) if wanted.classifies else None
    folder = open_folder(path, labels, same_classes=wanted.classifies)
    members = part(folder.splits, splits, path)
    classes = np.asarray(members.classes, np.int64)
    rows = choice(classes)
    names = tuple(members.names[i] for i in rows)
    note = _unnamed(path, folder.labels, wanted) if wanted.classifies else None
    known = wanted.classifies and note is None
    truths = [int(classes[i]) for i in rows] if known else [None] * len(rows)
    return Samples(names, partial(_each, folder, names, truths, Preparation(wanted)), notes=(note,) if note else ())


def _unnamed(path: Path, found: Sequence[str], wanted: Wanted) -> str | None:
    """Return why the folders' classes are no truth for a network without labels; None when they may be."""
    scores = wanted.signature.with_role("scores")
    classes = scores[0].shape[-1] if len(scores) == 1 else 0
    if wanted.labels or len(found) == (2 if classes == 1 else classes):
        return None
    return (
        f"{path} has {len(found)} classes and the network {classes} scores without names: accuracy is not measured; "
        "--labels says which is which"
    )


def of_any_folder(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return all pictures below a folder; nothing is known of them."""
    names = tuple(sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not names:
        raise InputError(f"folder {path} has no images ({', '.join(sorted(SUFFIXES))})")
    chosen = tuple(names[i] for i in choice(unlabelled(len(names))))
    folder = ImageFolder(path, (), {})
    return Samples(chosen, partial(_each, folder, chosen, [None] * len(chosen), Preparation(wanted)))


def has_parts(path: Path) -> bool:
    """Whether a folder has ``train/`` or another part of a data set somewhere in it."""
    return any(p.is_dir() and p.name in PARTS for p in path.rglob("*"))


def _each(
    folder: ImageFolder, names: Sequence[str], truths: Sequence[int | None], prepare: Preparation
) -> Iterator[Sample | None]:
    for name, truth, data in zip(names, truths, folder.read(tuple(names)), strict=True):
        yield prepared(name, decode(data), prepare, truth)


def prepared(name: str, picture: Image | None, prepare: Preparation, truth: Any) -> Sample | None:
    """Return the sample of a picture, None of one that could not be decoded."""
    if picture is None:
        return None
    inputs, placement = prepare(picture)
    return Sample(name, inputs, placement, truth)


def decode(data: bytes) -> Image | None:
    """Return the decoded picture, BGR; None for what training leaves out too."""
    if not is_whole(data):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image
