"""Keypoints: a heat map each, squared error to Gaussians, reported as the share of correct keypoints (PCK)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.decoders.heatmaps import peaks
from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress
from edge.models.training.detection.box_augmentation import jitter, warp
from edge.models.training.keypoints.coco import Posed, open_keypoints
from edge.models.training.keypoints.heatmaps import CellsNear, MapError, targets
from edge.models.training.keypoints.pose_pictures import write_sheet
from edge.models.training.settings import Augmentation, Settings

MIDDLE = 127.5
"""Mean and standard deviation of the network's input: (pixel - 127.5) / 127.5."""

STRIDE = 4
"""Pixels of the input for a cell of the maps."""

NEAR = 0.05
"""A keypoint is correct within this distance of the true one, as a share of the picture's longer side."""

PICTURE = "keypoints.png"


@dataclass(frozen=True)
class Keypoints(Plain):
    """Pictures with keypoints for the fit.

    Attributes:
        train: what is fitted.
        monitor: what each epoch reports on.
        report_on: what the final figures are taken on.
        labels: the keypoints' names.
        edges: pairs of keypoints that a drawing joins.
        sigma: standard deviation of the targets in cells.
        metric: of the history.
    """

    train: Posed
    monitor: Posed
    report_on: Posed
    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    sigma: float
    metric: str = "cells_near"

    @property
    def count(self) -> int:
        """Training pictures."""
        return len(self.train.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input: (height, width, channels)."""
        return self.train.images.shape[1:]

    @property
    def cells(self) -> tuple[int, int]:
        """Height and width of the maps."""
        return self.shape[0] // STRIDE, self.shape[1] // STRIDE

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, height, width, channels) float32 and (batch, rows, columns, keypoints) float32 maps, endless."""

        def read(rows: NDArray[np.int64], step: int) -> tuple[Any, Any]:
            return self._batch(self.train.subset(rows), settings.augmentation, np.random.default_rng((seed, int(step))))

        return batching.mapped(batching.shuffled(self.count, settings.batch, seed), read, self._samples)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored pictures, in order."""
        order = batching.in_order(len(self.monitor.names), settings.batch)
        return batching.mapped(order, lambda rows: self._batch(self.monitor.subset(rows)), self._samples)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training pictures in batches, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield normalize(self.train.images[rows])

    def loss(self, settings: Settings) -> Any:
        """Squared error of the maps; label smoothing is not used."""
        return MapError()

    def metrics(self) -> list[Any]:
        """The share of maps whose peak is near."""
        return [CellsNear()]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """``pck`` at 5 % of the longer side, of all and by keypoint, and the mean distance; a sheet is drawn."""
        found, data = self.found(model, self.report_on), self.report_on
        away = distances(found, data.points, self.shape)
        write_sheet(out / PICTURE, data.images, found[..., :2], self.edges)
        right = np.where(data.labelled, away <= NEAR, np.nan)
        by_point = np.divide(
            np.nansum(right, 0), data.labelled.sum(0), where=data.labelled.any(0), out=np.zeros(right.shape[1])
        )
        return {
            "pck": float(np.nanmean(right)),
            "mean_distance": float(away[data.labelled].mean()),
            "pck_by_keypoint": dict(zip(self.labels, by_point.round(4).tolist(), strict=True)),
        }

    def found(self, model: Any, data: Posed, batch: int = 32) -> NDArray[np.float32]:
        """Return (n, keypoints, 2) x and y in fractions of the picture, what ``model`` finds."""
        call = tf.function(
            lambda images: model(images, training=False), [tf.TensorSpec((None, *self.shape), tf.float32)]
        )
        rows, columns = self.cells
        found = []
        for at in range(0, len(data.names), batch):
            for maps in call(normalize(data.images[at : at + batch])).numpy():
                cells, _ = peaks(np.moveaxis(maps, -1, 0))
                found.append((cells + 0.5) / (columns, rows))
        return np.asarray(found, np.float32)

    def facts(self) -> Mapping[str, Any]:
        """Counts, normalization, the keypoints."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.names)},
            "corrupt": [],
            "mean": [MIDDLE],
            "std": [MIDDLE],
            "keypoints": {"names": list(self.labels), "edges": [list(pair) for pair in self.edges]},
            "sigma": self.sigma,
        }

    def _batch(self, data: Posed, how: Augmentation | None = None, rng: Any = None) -> tuple[Any, Any]:
        images, maps = [], []
        for image, points, labelled in zip(data.images, data.points, data.labelled, strict=True):
            sample = (image.astype(np.float32), points, labelled)
            if how is not None:
                sample = augmented(*sample, how, mirrored(self.labels), rng)
            images.append(normalize(sample[0]))
            maps.append(targets(sample[1], sample[2], self.cells, self.sigma))
        return np.stack(images), np.stack(maps)

    @property
    def _samples(self) -> tuple[Any, ...]:
        return (tf.float32, (None, *self.shape)), (tf.float32, (None, *self.cells, len(self.labels)))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    sigma: float | None = None,
) -> Keypoints:
    """Read pictures with keypoints (``edge.models.training.keypoints.coco``) for a network of ``input_shape``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: of the run; ``holdout`` sets training pictures apart for validation.
        progress: called with pictures read and pictures in all of a split.
        sigma: standard deviation of the targets in cells; by default a 24th of the maps' shorter side, the paper's
            2 for 48 cells, and at least 1.

    Raises:
        InputError: something does not fit.
        FileError: the data set cannot be read.
    """
    if len(input_shape) != 3 or input_shape[2] not in (1, 3):
        raise InputError(f"images have the shape (height, width, 1 or 3), got input_shape {input_shape}")
    if sigma is not None and not (isinstance(sigma, (int, float)) and sigma > 0):
        raise InputError(f"sigma must be above 0 cells, got {sigma!r}")
    for name in ("cutout", "mixup"):
        if value := getattr(settings.augmentation, name):
            raise InputError(f"{name} is for classification and must be 0 for keypoints, got {value}")
    height, width, channels = input_shape
    folder = open_keypoints(root)
    data = {split: folder.read(split, (height, width, channels), progress) for split in folder.splits}
    report = next((data[name] for name in ("test", "validation") if name in data), None)
    if report is None:
        raise InputError(f"data set {root} has no annotations with test or val in their name to report on")
    train, monitor = data["train"], data.get("validation", report)
    if settings.holdout and "validation" not in data:
        train, monitor = _hold_out(train, settings)
    spread = float(sigma or max(1.0, min(height, width) / STRIDE / 24))
    return Keypoints(train, monitor, report, folder.labels, folder.edges, spread)


def _hold_out(data: Posed, settings: Settings) -> tuple[Posed, Posed]:
    """Return the training part and a random ``holdout`` share set apart, at least one picture of each."""
    if len(data.names) < 2:
        raise InputError(f"holding pictures out needs at least 2 training pictures, got {len(data.names)}")
    order = np.random.default_rng(settings.seed).permutation(len(data.names))
    apart = min(len(order) - 1, max(1, round(settings.holdout * len(order))))
    return data.subset(np.sort(order[apart:])), data.subset(np.sort(order[:apart]))


def mirrored(labels: Sequence[str]) -> NDArray[np.int64]:
    """Return, for each keypoint, which one it is in a mirrored picture: left and right change places."""
    swapped = {"left": "right", "right": "left"}
    names = ["_".join(swapped.get(part, part) for part in label.split("_")) for label in labels]
    return np.asarray([labels.index(n) if n in labels else i for i, n in enumerate(names)], np.int64)


def augmented(
    image: NDArray[np.float32],
    points: NDArray[np.float32],
    labelled: NDArray[np.bool_],
    how: Augmentation,
    mirror: NDArray[np.int64],
    rng: Any,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Mirror, shift, zoom and recolour one picture (height, width, channels) with its keypoints.

    The window that is shown moves by up to ``how.crop`` pixels and is larger or smaller by up to twice that. Keypoints
    that leave it are no longer labelled.
    """
    height, width = image.shape[:2]
    reach = min(0.5, 2 * how.crop / min(height, width))
    flip = bool(how.flip and rng.random() < 0.5)
    zoom = (1 + rng.uniform(-reach, reach)) * np.array([1, -1 if flip else 1])
    shift = rng.uniform(-how.crop, how.crop, 2) / (height, width)
    if how.crop or flip:
        image = warp(image, zoom, shift)
        points = np.asarray((points - 0.5 - shift[::-1]) / zoom[::-1] + 0.5, np.float32)
        inside = ((points >= 0) & (points <= 1)).all(axis=1)
        labelled = labelled & inside
    if flip:
        points, labelled = points[mirror], labelled[mirror]
    return jitter(image, how.jitter, rng), points, labelled


def distances(found: NDArray[Any], true: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return (n, keypoints) distances as shares of the picture's longer side.

    found, true: (n, keypoints, 2) x and y in fractions of the picture. shape: (height, width, channels) of it.
    """
    sides = np.array([shape[1], shape[0]]) / max(shape[:2])
    return np.asarray(np.linalg.norm((found - true) * sides, axis=-1), np.float64)


def normalize(images: Any) -> NDArray[np.float32]:
    """Map pixels 0 to 255 to the network's input, float32."""
    return (np.asarray(images, np.float32) - np.float32(MIDDLE)) / np.float32(MIDDLE)
