"""Embeddings: pictures of known people are told apart by ArcFace, and other people's are reported on.

The network is fitted with ``edge.models.heads.arcface`` behind it: as if to classify the people, by angles. What is
saved ends in the vector. Recall and verification are taken on people that it has never seen.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.heads.arcface import ArcFace, Cosines
from edge.models.training import batching
from edge.models.training.decode import Decoded, Progress, corrupt_names, decode_split
from edge.models.training.embedding.retrieval import Vectors, recall_at_1, verification
from edge.models.training.folder import ImageFolder, open_folder
from edge.models.training.reader_checks import check_image_shape
from edge.models.training.settings import Settings

SIZE = 128
"""Of the vector, as in MobileFaceNet's paper."""

MONITORED = 0.1
"""Share of each trained person's pictures that every epoch reports on, when ``holdout`` does not say another."""

REPORTED = 0.2
"""Share of the people, the last by name, who are held out when the data set has no test people."""


@dataclass(frozen=True)
class Embedding:
    """Pictures of people for the fit.

    Attributes:
        train: what is fitted; classes are indices into ``people``.
        monitor: other pictures of the same people, which each epoch reports on.
        report_on: pictures of other people.
        people: names of those who are trained on.
        size: of the vector.
        margin: ArcFace's, in radians.
        scale: ArcFace's.
        labels: none, because a vector has no classes.
        metric: of the history: the accuracy of telling the trained people apart.
    """

    train: Decoded
    monitor: Decoded
    report_on: Decoded
    people: tuple[str, ...]
    size: int = SIZE
    margin: float = 0.5
    scale: float = 64.0
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """Training pictures."""
        return len(self.train.classes)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, height, width, channels) float32 normalized and (batch, people) float32 one-hot, endless."""
        return batching.training_batches(self.train, len(self.people), settings.batch, settings.augmentation, seed)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored pictures, in order."""
        return batching.evaluation_batches(self.monitor, len(self.people), settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training pictures in batches, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield self.train.normalize(self.train.images[rows])

    def network_options(self) -> Mapping[str, Any]:
        """The vector's size, which the networks call ``classes``."""
        return {"classes": self.size}

    def with_head(self, model: Any) -> Any:
        """Return ``model`` with the cosines of the angles to each person's centre behind it.

        The centres start from the mean vectors of the people's pictures, so that a network that knows people
        already is not made to forget them.
        """
        head = Cosines(len(self.people), name="cosines")
        fitted = keras.Model(model.inputs, head(model.outputs[0]), name=f"{model.name}_arcface")
        head.set_weights([self._centres(model)])
        return fitted

    def _centres(self, model: Any) -> Vectors:
        """Return (size, people) mean vectors of a few pictures each, their common mean taken off."""
        rows = np.concatenate([np.flatnonzero(self.train.classes == n)[:4] for n in range(len(self.people))])
        vectors, classes = vectors_of(model, self.train.subset(rows)), self.train.classes[rows]
        means = np.stack([vectors[classes == n].mean(axis=0) for n in range(len(self.people))])
        return np.asarray((means - means.mean(axis=0)).T, np.float32)

    def files(self) -> Mapping[str, str]:
        """None."""
        return {}

    def loss(self, settings: Settings) -> Any:
        """ArcFace; label smoothing is not used."""
        return ArcFace(self.margin, self.scale)

    def metrics(self) -> list[Any]:
        """How often the nearest centre is the right person's."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Recall at 1 and the accuracy of verification on people who were not trained on, 0 to 1."""
        vectors = vectors_of(model, self.report_on)
        told = verification(vectors, self.report_on.classes)
        return {
            "recall_at_1": recall_at_1(vectors, self.report_on.classes),
            "verification": told.accuracy,
            "threshold": told.threshold,
        }

    def facts(self) -> Mapping[str, Any]:
        """Counts, images left out, normalization, the loss."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "people": {"train": len(self.people), "report": len(np.unique(self.report_on.classes))},
            "corrupt": corrupt_names(self.train, self.monitor, self.report_on),
            "mean": list(self.train.mean),
            "std": list(self.train.std),
            "embedding": {"size": self.size, "margin": self.margin, "scale": self.scale},
        }


def vectors_of(model: Any, data: Decoded, batch: int = 64) -> Vectors:
    """Return (n, size) float32, what ``model`` gives for the pictures."""
    shapes = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    call = tf.function(lambda images: model(images, training=False), [shapes])
    parts = [
        call(np.asarray(data.normalize(data.images[at : at + batch]), np.float32)).numpy()
        for at in range(0, len(data.classes), batch)
    ]
    return np.concatenate(parts)


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None,
    cache: Path,
    *,
    size: int = SIZE,
    margin: float = 0.5,
    scale: float = 64.0,
) -> Embedding:
    """Read ``train/<person>/*.jpg`` and ``test/<person>/*.jpg``, whose people may be others, in a folder or a zip.

    Args:
        root: the folder or the zip. Without ``test`` (or ``validation``) the last fifth of the people is held out.
        input_shape: (height, width, channels).
        settings: of the run.
        progress: called with pictures read and pictures in all.
        cache: a folder for the decoded pictures.
        size: of the vector.
        margin: ArcFace's, in radians, from 0 to below pi.
        scale: ArcFace's, above 0; 16 suits small sets better.

    Raises:
        InputError: something does not fit.
        FileError: the data set cannot be read.
    """
    _check(input_shape, settings, size, margin, scale)
    folder = open_folder(root, same_classes=False)
    height, width, channels = input_shape
    whole = decode_split(folder, "train", (height, width, channels), cache, progress)
    trained = np.unique(whole.classes)
    if "test" in folder.splits or "validation" in folder.splits:
        report = decode_split(folder, folder.evaluation(), (height, width, channels), cache, progress)
    else:
        trained, others = _apart(folder, trained)
        report = whole.subset(np.flatnonzero(np.isin(whole.classes, others)))
    fitted, monitor = _monitored(whole, trained, settings)
    people = tuple(folder.labels[number] for number in trained)
    _check_people(folder, people, report)
    return Embedding(fitted, monitor, report, people, size, float(margin), float(scale))


def _apart(folder: ImageFolder, trained: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if len(trained) < 4:
        raise InputError(
            f"data set {folder.root} has no test/ folder and {len(trained)} people; holding people out needs 4"
        )
    kept = len(trained) - max(2, round(REPORTED * len(trained)))
    return trained[:kept], trained[kept:]


def _monitored(whole: Decoded, trained: NDArray[np.int64], settings: Settings) -> tuple[Decoded, Decoded]:
    """Return the pictures to fit and those to monitor: a share of each person's, the last ones by name.

    When everybody has only one picture, the fitted ones are monitored.
    """
    share = settings.holdout or MONITORED
    kept: list[NDArray[np.int64]] = []
    apart: list[NDArray[np.int64]] = []
    for number in trained:
        rows = np.flatnonzero(whole.classes == number)
        count = min(len(rows) - 1, max(1, round(share * len(rows))))
        kept.append(rows[: len(rows) - count])
        apart.append(rows[len(rows) - count :])
    fitted, monitor = (_numbered(whole.subset(np.concatenate(rows)), trained) for rows in (kept, apart))
    return fitted, monitor if len(monitor.classes) else fitted


def _numbered(data: Decoded, trained: NDArray[np.int64]) -> Decoded:
    """Return the data with classes that count only those who are trained on."""
    return replace(data, classes=np.searchsorted(trained, data.classes))


def _check_people(folder: ImageFolder, people: tuple[str, ...], report: Decoded) -> None:
    others = np.bincount(report.classes)
    if len(people) < 2 or np.count_nonzero(others) < 2 or others.max() < 2:
        raise InputError(
            f"data set {folder.root} must have two people or more to train on, and two or more with several pictures "
            f"to report on; got {len(people)} and {np.count_nonzero(others)}"
        )


def _check(input_shape: tuple[int, ...], settings: Settings, size: Any, margin: Any, scale: Any) -> None:
    check_image_shape(input_shape)
    if not isinstance(size, int) or size < 1:
        raise InputError(f"size must be a whole number of at least 1, got {size!r}")
    if not (isinstance(margin, (int, float)) and 0 <= margin < math.pi):
        raise InputError(f"margin must be from 0 to below pi, got {margin!r}")
    if not (isinstance(scale, (int, float)) and scale > 0):
        raise InputError(f"scale must be above 0, got {scale!r}")
    if settings.augmentation.mixup:
        raise InputError(f"mixup is for classification and must be 0 for embeddings, got {settings.augmentation.mixup}")
