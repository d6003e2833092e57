"""The dataset task of image classification: an image folder, cross-entropy with label smoothing, top-1 accuracy."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.single_label import SingleLabelTask
from edge.models.training.decode import Decoded, Progress, corrupt_names, decode_split
from edge.models.training.folder import open_folder
from edge.models.training.hold_out import hold_out_rows
from edge.models.training.reader_checks import check_image_shape
from edge.models.training.settings import Settings


@dataclass(frozen=True)
class Classification(SingleLabelTask):
    """Images with one class each.

    Attributes:
        train: the images that the network is fitted to.
        monitor: the images that each epoch is evaluated on.
        report_on: the images that the final accuracy is measured on.
        labels: the class names.
        metric: the metric that says how good an epoch is.
    """

    train: Decoded
    monitor: Decoded
    report_on: Decoded
    labels: tuple[str, ...]
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """The number of training images."""
        return len(self.train.classes)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, height, width, channels) float32, normalized. Targets are (batch, classes) float32.
        """
        return batching.training_batches(self.train, len(self.labels), settings.batch, settings.augmentation, seed)

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored images in order, in batches of twice the size, not augmented."""
        return batching.evaluation_batches(self.monitor, len(self.labels), 2 * settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training images. Each batch is read in the order of the file."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield self.train.normalize(self.train.images[rows])

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return the accuracy, from 0 to 1."""
        return {"accuracy": accuracy(model, self.report_on)}

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of images, the images that were left out, and the normalization."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "corrupt": corrupt_names(self.train, self.monitor, self.report_on),
            "mean": list(self.train.mean),
            "std": list(self.train.std),
        }


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None,
    cache: Path,
    *,
    labels: Sequence[str] = (),
    mean: Sequence[float] | float = 127.5,
    std: Sequence[float] | float = 127.5,
) -> Classification:
    """Read an image folder, as ``edge.models.training.folder`` describes it, for a network of ``input_shape``.

    Args:
        root: a folder or a zip.
        input_shape: (height, width, channels).
        settings: the settings of the run. ``holdout`` sets training images apart for validation.
        progress: called with the number of decoded images and of all images of a split.
        cache: the folder for the decoded images.
        labels: the classes of an existing network in its order; by default the names of the class folders.
        mean: one value, or one for each channel. The network's input is (pixel - mean) / std.
        std: one value above 0, or one for each channel.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    check_image_shape(input_shape)
    means, deviations = _channel_values("mean", mean, input_shape), _channel_values("std", std, input_shape)
    folder = open_folder(root, tuple(labels) or None)
    height, width, channels = input_shape
    decoded = {
        split: replace(
            decode_split(folder, split, (height, width, channels), cache, progress), mean=means, std=deviations
        )
        for split in folder.splits
    }
    if "train" not in decoded:
        folder.split("train")  # this raises the error that names the folders
    train, report = decoded["train"], decoded[folder.evaluation()]
    monitor = decoded.get("validation", report)
    if settings.holdout and "validation" not in decoded:
        train, monitor = hold_out(train, settings.holdout, settings.seed)
    return Classification(train, monitor, report, folder.labels)


def _channel_values(name: str, given: Any, input_shape: tuple[int, ...]) -> tuple[float, ...]:
    """Return mean or std as a tuple, or raise InputError when it is not one number or one number a channel."""
    values = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    good = all(isinstance(v, (int, float)) and math.isfinite(v) and (name == "mean" or v > 0) for v in values)
    if not good or len(values) not in (1, input_shape[-1]):
        raise InputError(f"--{name} must be one number or {input_shape[-1]}, a std above 0; got {given!r}")
    return tuple(float(v) for v in values)


def hold_out(data: Decoded, fraction: float, seed: int) -> tuple[Decoded, Decoded]:
    """Return the training part and the part that is set apart; see ``hold_out_rows``."""
    kept, apart = hold_out_rows(len(data.classes), fraction, seed)
    return data.subset(kept), data.subset(apart)


def accuracy(model: Any, data: Decoded, batch: int = 256) -> float:
    """Return the top-1 accuracy, from 0 to 1, of a Keras model on decoded images.

    Args:
        model: a model whose output is (batch, classes).
        data: the images and their classes.
        batch: images in a batch.
    """
    images_of_any_count = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    call = tf.function(lambda images: tf.argmax(model(images, training=False), -1), [images_of_any_count])
    batches = batching.evaluation_batches(data, int(model.output_shape[-1]), batch)
    right = sum(int(np.sum(call(images) == np.argmax(targets, -1))) for images, targets in batches)
    return right / len(data.classes)
