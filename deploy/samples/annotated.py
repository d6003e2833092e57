"""Annotated pictures become samples: with boxes in PASCAL VOC's form, masks, or keypoints in COCO's form."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.deploy.samples.base import Choice, NetworkInfo, Sample, Samples, part, unlabelled
from edge.deploy.samples.pictures import PicturePreprocessor, decode, prepared
from edge.errors import InputError
from edge.models.training.detection.voc_folder import AnnotatedObject, BoxFolder, open_boxes
from edge.models.training.folder import ImageFolder
from edge.models.training.keypoints.coco_folder import Instance, open_keypoints
from edge.models.training.segmentation import windows
from edge.models.training.segmentation.mask_folder import IGNORED, Pair, decoded, open_masks
from edge.tasks.average_precision import Truth

VOC_PARTS = {"train": ("trainval", "train"), "validation": ("val",), "test": ("test",)}
"""The names in ``ImageSets/Main`` for each part of a data set, in order of preference."""


def box_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the pictures of a data set in VOC's form. The truths are boxes x0, y0, x1, y1 in pixels of the picture."""
    folder = open_boxes(path)
    found = {name: next((folder.splits[s] for s in sets if s in folder.splits), ()) for name, sets in VOC_PARTS.items()}
    stems = part(found, splits, path)
    stems = tuple(stems[i] for i in choice(unlabelled(len(stems))))
    numbers = dict(zip(folder.labels, network.classes(folder.labels, path).tolist(), strict=True))
    return Samples(stems, partial(_boxed, folder, stems, numbers, PicturePreprocessor(network)))


def _boxed(
    folder: BoxFolder, stems: Sequence[str], numbers: Mapping[str, int], prepare: PicturePreprocessor
) -> Iterator[Sample | None]:
    files = tuple(folder.member("JPEGImages", stem) for stem in stems)
    for stem, file, data in zip(stems, files, ImageFolder(folder.root, (), {}).read(files), strict=True):
        picture = decode(data)
        if picture is not None:
            for each in folder.objects[stem]:
                each.check((picture.shape[0], picture.shape[1]), f"{folder.root}: {file}")
        truth = _truth(folder.objects[stem], numbers)
        yield prepared(stem, picture, prepare, truth)


def _truth(objects: Sequence[AnnotatedObject], numbers: Mapping[str, int]) -> Truth:
    boxes = np.asarray([each.box for each in objects], np.float32).reshape(-1, 4)[:, [1, 0, 3, 2]]
    classes = np.asarray([numbers[each.label] for each in objects], np.int64)
    return Truth(boxes, classes, np.asarray([each.difficult for each in objects], np.bool_))


def mask_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return pictures with masks of class numbers, or windows of both for a network that runs on tiles."""
    prepare = PicturePreprocessor(network)
    form = network.signature.inputs[0].format
    channels = 1 if form is not None and form.colour == "GRAY" else 3
    data = open_masks(path, channels)
    pairs = part(data.splits, splits, path)
    places = [(pair, at) for pair in pairs for at in _places(pair, network, prepare)]
    chosen = [places[i] for i in choice(unlabelled(len(places)))]
    table = _class_table(data.classes, network.classes(data.labels, path) if network.labels else None)
    ids = tuple(pair.name if at is None else f"{pair.name}[{at[0]},{at[1]}]" for pair, at in chosen)
    return Samples(ids, partial(_masked, ids, chosen, channels, table, prepare))


def _places(pair: Pair, network: NetworkInfo, prepare: PicturePreprocessor) -> list[tuple[int, int] | None]:
    """Return the top left pixels of the windows that cover a picture, or only None for the whole picture."""
    if not network.signature.tiled:
        return [None]
    width, height = prepare.size
    return list(windows.grid(pair.shape, height, width))


def _class_table(classes: NDArray[np.uint8], order: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    """Return a table (256,) with the network's class for each value of a mask."""
    if order is None:
        return classes
    return np.where(classes == IGNORED, IGNORED, order[np.minimum(classes, len(order) - 1)]).astype(np.uint8)


def _masked(
    ids: Sequence[str],
    chosen: Sequence[tuple[Pair, tuple[int, int] | None]],
    channels: int,
    table: NDArray[np.uint8],
    prepare: PicturePreprocessor,
) -> Iterator[Sample | None]:
    width, height = prepare.size
    for name, (pair, at) in zip(ids, chosen, strict=True):
        image, mask = decoded(pair, channels)
        if at is not None:
            image, mask = windows.cut(windows.padded((image, mask), height, width), *at, height, width)
        truth = table[mask]
        yield prepared(name, bgr(image), prepare, truth)


def bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert (height, width, 3) RGB or (height, width, 1) grey, uint8, to (height, width, 3) BGR."""
    code = cv2.COLOR_GRAY2BGR if image.shape[-1] == 1 else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), code), np.uint8)


def keypoint_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the pictures of a data set in COCO's form. The truths are keypoints x, y, visible, in pixels."""
    folder = open_keypoints(path)
    names: Any = network.signature.task.parameters.get("names") or network.labels or folder.labels
    if tuple(names) != folder.labels:
        raise InputError(
            f"data set {path} must have the network's keypoints, {', '.join(names)}; it has {', '.join(folder.labels)}"
        )
    instances = part(folder.splits, splits, path)
    chosen = [instances[i] for i in choice(unlabelled(len(instances)))]
    return Samples(tuple(each.file for each in chosen), partial(_posed, path, chosen, PicturePreprocessor(network)))


def _posed(path: Path, chosen: Sequence[Instance], prepare: PicturePreprocessor) -> Iterator[Sample | None]:
    files = tuple(each.file for each in chosen)
    for each, data in zip(chosen, ImageFolder(path, (), {}).read(files), strict=True):
        points = np.concatenate([each.points[:, :2], each.points[:, 2:] > 0], axis=1)
        yield prepared(each.file, decode(data), prepare, points)
