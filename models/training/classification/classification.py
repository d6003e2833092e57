"""Image classification: one class an image, cross-entropy with label smoothing, top-1 accuracy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Decoded
from edge.models.training.settings import Settings


@dataclass(frozen=True)
class Classification(Plain):
    """train: what is fitted. monitor: what each epoch reports on. report_on: what the final accuracy is taken on."""

    train: Decoded
    monitor: Decoded
    report_on: Decoded
    labels: tuple[str, ...]
    metric: str = "accuracy"

    @property
    def corrupt(self) -> list[str]:
        """Names of the images that were left out."""
        parts = {id(part): part for part in (self.train, self.monitor, self.report_on)}.values()
        return list(dict.fromkeys(name for part in parts for name in part.corrupt))

    @property
    def count(self) -> int:
        """Training images."""
        return len(self.train.classes)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, height, width, channels) float32 normalized and (batch, classes) float32 targets, endless."""
        return batching.training_batches(self.train, len(self.labels), settings.batch, settings.augmentation, seed)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored images, in order."""
        return batching.evaluation_batches(self.monitor, len(self.labels), 2 * settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training images in batches, each read in the order of the file."""
        rows = np.random.default_rng(seed).choice(self.count, min(self.count, most), replace=False)
        for part in np.array_split(rows, max(1, len(rows) // batch)):
            yield self.train.normalize(self.train.images[np.sort(part)])

    def loss(self, settings: Settings) -> Any:
        """Cross-entropy; a smoothed target has ``label_smoothing`` spread over all classes."""
        return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Top-1 accuracy, named ``accuracy``."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Accuracy, 0 to 1."""
        return {"accuracy": accuracy(model, self.report_on)}

    def facts(self) -> Mapping[str, Any]:
        """Counts, images left out, normalization."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "corrupt": self.corrupt,
            "mean": list(self.train.mean),
            "std": list(self.train.std),
        }


def hold_out(data: Decoded, fraction: float, seed: int) -> tuple[Decoded, Decoded]:
    """Return the training part and a random ``fraction`` set apart, at least one image of each.

    Raises InputError when there is only one image.
    """
    if len(data.classes) < 2:
        raise InputError(f"holding images out needs at least 2 training images, got {len(data.classes)}")
    order = np.random.default_rng(seed).permutation(len(data.classes))
    apart = min(len(order) - 1, max(1, round(fraction * len(order))))
    return data.subset(np.sort(order[apart:])), data.subset(np.sort(order[:apart]))


def accuracy(model: Any, data: Decoded, batch: int = 256) -> float:
    """Return top-1 accuracy, 0 to 1, of a Keras model on decoded images."""
    images_of_any_count = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    call = tf.function(lambda images: tf.argmax(model(images, training=False), -1), [images_of_any_count])
    batches = batching.evaluation_batches(data, int(model.output_shape[-1]), batch)
    right = sum(int(np.sum(call(images) == np.argmax(targets, -1))) for images, targets in batches)
    return right / len(data.classes)
