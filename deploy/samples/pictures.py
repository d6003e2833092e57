"""Pictures can be read from an image-folder data set with classes, or from any folder without truths."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.deploy.samples.base import Choice, NetworkInfo, Sample, Samples, part, unlabelled
from edge.errors import InputError
from edge.imaging import Image, Preprocessor
from edge.models.training.folder import ImageFolder, open_folder
from edge.pictures import SUFFIXES, is_whole
from edge.placement import Placement
from edge.signature import describe
from edge.tensors import Array, TensorSpec, dequantize

PARTS = ("train", "test", "validation", "valid", "val")
"""Folder names that mark a data set with parts."""


class PicturePreprocessor:
    """Turns a picture into the input of a network with one image input.

    Attributes:
        name: the input's name.
        size: the input's width and height in pixels.
    """

    def __init__(self, network: NetworkInfo) -> None:
        """Prepare for one network.

        Args:
            network: the network.

        Raises:
            InputError: the network does not take exactly one image.
        """
        entry = network.signature.image
        if entry is None or entry.format is None or len(network.signature.inputs) != 1 or len(entry.shape) == 5:
            raise InputError(
                f"pictures are samples for a network with one image input, this one takes "
                f"{describe(network.signature.inputs)}; give an .npz file with an array for each input"
            )
        self.name, self.size = entry.name, entry.size
        self._spec = network.specs[entry.name]
        self._prepare = Preprocessor(self._spec, entry.format)

    def __call__(self, picture: Image) -> tuple[dict[str, Array], Placement]:
        """Preprocess one picture.

        Args:
            picture: (height, width, 3) uint8 BGR.

        Returns:
            The input (1, height, width, channels) of real values by its name, and where the picture lies in it.
        """
        prepared = self._prepare(picture)
        return {self.name: real(prepared.tensor, self._spec)}, prepared.placement


def real(tensor: Array, spec: TensorSpec) -> Array:
    """Return the real values of an input tensor in new memory.

    Args:
        tensor: the tensor as the model takes it.
        spec: the model's input. Where it has no quantization, the values are copied as they are.
    """
    return dequantize(tensor, spec) if spec.quantization is not None else tensor.copy()


def class_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the pictures ``<split>/<class>/*.jpg`` of a folder or a zip.

    Args:
        path: the folder or zip.
        network: the network that the samples are for. For a classifier the class is the truth.
        splits: the parts of the data set to look for, in order of preference.
        choice: chooses pictures by their classes.

    Raises:
        InputError: the data set has none of the parts, or other classes than the network.
    """
    labels = (network.labels or None) if network.classifies else None
    folder = open_folder(path, labels, same_classes=network.classifies)
    members = part(folder.splits, splits, path)
    classes = np.asarray(members.classes, np.int64)
    rows = choice(classes)
    names = tuple(members.names[i] for i in rows)
    note = _unnamed(path, folder.labels, network) if network.classifies else None
    known = network.classifies and note is None
    truths = [int(classes[i]) for i in rows] if known else [None] * len(rows)
    read = partial(_each, folder, names, truths, PicturePreprocessor(network))
    return Samples(names, read, notes=(note,) if note else (), classes=folder.labels)


def _unnamed(path: Path, found: Sequence[str], network: NetworkInfo) -> str | None:
    """Return why the folders' classes cannot be the truths of a network without labels, or None when they can."""
    scores = network.signature.with_role("scores")
    classes = scores[0].shape[-1] if len(scores) == 1 else 0
    if network.labels or len(found) == (2 if classes == 1 else classes):
        return None
    return (
        f"{path} has {len(found)} classes and the network {classes} scores without names: accuracy is not measured; "
        "--labels says which is which"
    )


def folder_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return all pictures below a folder, without truths.

    Args:
        path: the folder.
        network: the network that the samples are for.
        splits: not used, because the folder has no parts.
        choice: chooses pictures; to it they all have the same class.

    Raises:
        InputError: the folder has no pictures.
    """
    names = tuple(sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not names:
        raise InputError(f"folder {path} has no images ({', '.join(sorted(SUFFIXES))})")
    chosen = tuple(names[i] for i in choice(unlabelled(len(names))))
    folder = ImageFolder(path, (), {})
    return Samples(chosen, partial(_each, folder, chosen, [None] * len(chosen), PicturePreprocessor(network)))


def has_parts(path: Path) -> bool:
    """Return whether a folder contains, at any depth, a folder that is named as a part of a data set."""
    return any(p.is_dir() and p.name in PARTS for p in path.rglob("*"))


def _each(
    folder: ImageFolder, names: Sequence[str], truths: Sequence[int | None], prepare: PicturePreprocessor
) -> Iterator[Sample | None]:
    for name, truth, data in zip(names, truths, folder.read(tuple(names)), strict=True):
        yield prepared(name, decode(data), prepare, truth)


def prepared(name: str, picture: Image | None, prepare: PicturePreprocessor, truth: Any) -> Sample | None:
    """Return the sample of one picture.

    Args:
        name: the sample's name.
        picture: (height, width, 3) uint8 BGR, or None when it could not be decoded.
        prepare: makes the network's input of it.
        truth: the true answer, None when it is unknown.

    Returns:
        The sample, or None when ``picture`` is None.
    """
    if picture is None:
        return None
    inputs, placement = prepare(picture)
    return Sample(name, inputs, placement, truth)


def decode(data: bytes) -> Image | None:
    """Decode a picture.

    Args:
        data: the bytes of a picture file.

    Returns:
        The picture (height, width, 3) uint8 BGR, or None for a damaged file, which training leaves out too.
    """
    if not is_whole(data):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image
