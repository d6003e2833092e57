"""The dataset task of keypoints: a heat map for each keypoint, reported by the percentage of correct keypoints."""

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
from edge.models.training.hold_out import hold_out_rows
from edge.models.training.image_augmentation import jitter, warp
from edge.models.training.keypoints.coco_folder import PosedImages, open_keypoints
from edge.models.training.keypoints.heatmap_targets import CoarsePCK, HeatmapLoss, targets
from edge.models.training.keypoints.pose_pictures import write_sheet
from edge.models.training.normalization import FACTS, normalize
from edge.models.training.reader_checks import check_image_shape, check_no_cutout_or_mixup
from edge.models.training.settings import Augmentation, Settings

STRIDE = 4
"""The side of a cell of the heat maps, in pixels of the input."""

PCK_THRESHOLD = 0.05
"""The distance within which a keypoint is correct, as a fraction of the picture's longer side."""

PICTURE = "keypoints.png"


@dataclass(frozen=True)
class Keypoints(Plain):
    """Pictures with the keypoints of one instance each.

    Attributes:
        train: the pictures that the network is fitted to.
        monitor: the pictures that each epoch is evaluated on.
        report_on: the pictures that the final figures are measured on.
        labels: the names of the keypoints.
        edges: pairs of keypoint indices that a drawing joins with a line.
        sigma: standard deviation of the target Gaussians in cells.
        metric: the metric that says how good an epoch is.
    """

    train: PosedImages
    monitor: PosedImages
    report_on: PosedImages
    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    sigma: float
    metric: str = "cells_near"

    @property
    def count(self) -> int:
        """The number of training pictures."""
        return len(self.train.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input, (height, width, channels)."""
        return self.train.images.shape[1:]

    @property
    def cells(self) -> tuple[int, int]:
        """The height and the width of the heat maps in cells."""
        return self.shape[0] // STRIDE, self.shape[1] // STRIDE

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, height, width, channels) float32, normalized. Targets are (batch, rows, columns, keypoints)
        float32; see ``heatmap_targets.targets``.
        """

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Any, Any]:
            return self._batch(self.train.subset(rows), settings.augmentation, rng)

        return batching.augmented_batches(self.count, settings.batch, seed, read, self._samples)

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored pictures in order, not augmented."""
        order = batching.in_order(len(self.monitor.names), settings.batch)
        return batching.mapped(order, lambda rows: self._batch(self.monitor.subset(rows)), self._samples)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training pictures, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield normalize(self.train.images[rows])

    def loss(self, settings: Settings) -> Any:
        """Return the squared error of the heat maps. Label smoothing is not used."""
        return HeatmapLoss()

    def metrics(self) -> list[Any]:
        """Return the coarse PCK, named ``cells_near``."""
        return [CoarsePCK()]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Write a picture of some predictions, and return the final figures.

        Returns:
            ``pck``, from 0 to 1, with a threshold of 5 % of the picture's longer side; ``mean_distance`` as a fraction
            of that side; and ``pck_by_keypoint``.
        """
        predicted, data = self.predict_points(model, self.report_on), self.report_on
        away = distances(predicted, data.points, self.shape)
        write_sheet(out / PICTURE, data.images, predicted, self.edges)
        right = np.where(data.labelled, away <= PCK_THRESHOLD, np.nan)
        by_point = np.divide(
            np.nansum(right, 0), data.labelled.sum(0), where=data.labelled.any(0), out=np.zeros(right.shape[1])
        )
        return {
            "pck": float(np.nanmean(right)),
            "mean_distance": float(away[data.labelled].mean()),
            "pck_by_keypoint": dict(zip(self.labels, by_point.round(4).tolist(), strict=True)),
        }

    def predict_points(self, model: Any, data: PosedImages, batch: int = 32) -> NDArray[np.float32]:
        """Return the predicted keypoints, (n, keypoints, 2): x and y in fractions of the picture.

        Args:
            model: a Keras model whose output is (batch, rows, columns, keypoints).
            data: the pictures.
            batch: pictures in a batch.
        """
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
        """Return the numbers of pictures, the normalization, the keypoints and ``sigma``."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.names)},
            "corrupt": [],
            **FACTS,
            "keypoints": {"names": list(self.labels), "edges": [list(pair) for pair in self.edges]},
            "sigma": self.sigma,
        }

    def _batch(
        self, data: PosedImages, how: Augmentation | None = None, rng: np.random.Generator | None = None
    ) -> tuple[Any, Any]:
        images, maps = [], []
        for image, points, labelled in zip(data.images, data.points, data.labelled, strict=True):
            sample = (image.astype(np.float32), points, labelled)
            if how is not None and rng is not None:
                sample = augment(*sample, how, mirrored_keypoints(self.labels), rng)
            images.append(normalize(sample[0]))
            maps.append(targets(sample[1], sample[2], self.cells, self.sigma))
        return np.stack(images), np.stack(maps)

    @property
    def _samples(self) -> tuple[Any, ...]:
        """Return the dtypes and shapes of a batch."""
        return (tf.float32, (None, *self.shape)), (tf.float32, (None, *self.cells, len(self.labels)))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    sigma: float | None = None,
) -> Keypoints:
    """Read a data set of keypoints; see ``edge.models.training.keypoints.coco_folder``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: the settings of the run. ``holdout`` sets training pictures apart for validation.
        progress: called with the number of pictures that were read and of all pictures of a split.
        sigma: standard deviation of the target Gaussians in cells. By default it is a 24th of the heat maps' shorter
            side, as in the paper, which has 2 for 48 cells, and at least 1.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    check_image_shape(input_shape)
    if sigma is not None and not (isinstance(sigma, (int, float)) and sigma > 0):
        raise InputError(f"sigma must be above 0 cells, got {sigma!r}")
    check_no_cutout_or_mixup(settings.augmentation, "keypoints")
    height, width, channels = input_shape
    folder = open_keypoints(root)
    data = {split: folder.read(split, (height, width, channels), progress) for split in folder.splits}
    report = next((data[name] for name in ("test", "validation") if name in data), None)
    if report is None:
        raise InputError(f"data set {root} has no annotations with test or val in their name to report on")
    train, monitor = data["train"], data.get("validation", report)
    if settings.holdout and "validation" not in data:
        kept, apart = hold_out_rows(len(train.names), settings.holdout, settings.seed, "picture")
        train, monitor = train.subset(kept), train.subset(apart)
    default_sigma = max(1.0, min(height, width) / STRIDE / 24)
    return Keypoints(train, monitor, report, folder.labels, folder.edges, float(sigma or default_sigma))


def mirrored_keypoints(labels: Sequence[str]) -> NDArray[np.int64]:
    """Return, for each keypoint, the index of the keypoint that takes its place in a mirrored picture.

    The words ``left`` and ``right`` in the names change places. A keypoint without a counterpart keeps its place.

    Args:
        labels: the names of the keypoints, with words joined by underscores.
    """
    swapped = {"left": "right", "right": "left"}
    names = ["_".join(swapped.get(part, part) for part in label.split("_")) for label in labels]
    return np.asarray([labels.index(n) if n in labels else i for i, n in enumerate(names)], np.int64)


def augment(
    image: NDArray[np.float32],
    points: NDArray[np.float32],
    labelled: NDArray[np.bool_],
    how: Augmentation,
    mirror: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return a random variant of one picture with its keypoints.

    A window is chosen at random, and the result shows what lies in it. The window is shifted by up to ``how.crop``
    pixels, and each side grows or shrinks by up to twice that. Keypoints outside of the window are no longer labelled.

    Args:
        image: (height, width, channels) float32, from 0 to 255.
        points: (keypoints, 2) x and y in fractions of the picture.
        labelled: (keypoints,) whether each keypoint is labelled.
        how: the augmentation; ``flip``, ``crop`` and ``jitter`` are used.
        mirror: the result of ``mirrored_keypoints``.
        rng: the random generator.
    """
    height, width = image.shape[:2]
    zoom_range = min(0.5, 2 * how.crop / min(height, width))
    flip = bool(how.flip and rng.random() < 0.5)
    zoom = (1 + rng.uniform(-zoom_range, zoom_range)) * np.array([1, -1 if flip else 1])
    shift = rng.uniform(-how.crop, how.crop, 2) / (height, width)
    if how.crop or flip:
        image = warp(image, zoom, shift)
        points = np.asarray((points - 0.5 - shift[::-1]) / zoom[::-1] + 0.5, np.float32)
        inside = ((points >= 0) & (points <= 1)).all(axis=1)
        labelled = labelled & inside
    if flip:
        points, labelled = points[mirror], labelled[mirror]
    return jitter(image, how.jitter, rng), points, labelled


def distances(predicted: NDArray[Any], true: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the distances of keypoints, (n, keypoints), as fractions of the picture's longer side.

    Args:
        predicted: (n, keypoints, 2) x and y in fractions of the picture.
        true: (n, keypoints, 2) x and y in fractions of the picture.
        shape: (height, width, channels) of the picture.
    """
    sides = np.array([shape[1], shape[0]]) / max(shape[:2])
    return np.asarray(np.linalg.norm((predicted - true) * sides, axis=-1), np.float64)
