"""The dataset task of embeddings: ArcFace tells training people apart, and the figures are measured on other people.

During training, the ArcFace head (``edge.models.heads.arcface``) follows the network and classifies the people by the
angles of their vectors. The head is not saved, so the output of the saved network is the vector.
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
"""The default size of the vector, which is that of MobileFaceNet (https://arxiv.org/abs/1804.07573)."""

MONITORED = 0.1
"""The fraction of each training person's pictures that is set apart to monitor, unless ``holdout`` is set."""

REPORTED = 0.2
"""The fraction of the people that is held out when the data set has no test people: the last ones by name."""


@dataclass(frozen=True)
class Embedding:
    """Pictures of people.

    Attributes:
        train: the pictures that the network is fitted to. Their classes are indices into ``people``.
        monitor: other pictures of the same people, which each epoch is evaluated on.
        report_on: pictures of other people, which the final figures are measured on.
        people: the names of the training people.
        size: size of the vector.
        margin: the angular margin m of ArcFace, in radians.
        scale: the feature scale s of ArcFace.
        labels: empty, because the output is a vector and not classes.
        metric: the metric that says how good an epoch is, the accuracy of telling training people apart.
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
        """The number of training pictures."""
        return len(self.train.classes)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, height, width, channels) float32, normalized. Targets are (batch, people) float32 one-hot.
        """
        return batching.training_batches(self.train, len(self.people), settings.batch, settings.augmentation, seed)

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored pictures in order, not augmented."""
        return batching.evaluation_batches(self.monitor, len(self.people), settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training pictures, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield self.train.normalize(self.train.images[rows])

    def network_options(self) -> Mapping[str, Any]:
        """Return the size of the vector, which the networks call ``classes``."""
        return {"classes": self.size}

    def with_head(self, model: Any) -> Any:
        """Return ``model`` with a layer that gives the cosine of the angle to each person's centre.

        The centres start as the mean vectors of the people's pictures, so that a pretrained network keeps what it has
        learned.
        """
        head = Cosines(len(self.people), name="cosines")
        fitted = keras.Model(model.inputs, head(model.outputs[0]), name=f"{model.name}_arcface")
        head.set_weights([self._centres(model)])
        return fitted

    def _centres(self, model: Any) -> Vectors:
        """Return the mean vectors of up to four pictures of each person, (size, people), minus their common mean."""
        rows = np.concatenate([np.flatnonzero(self.train.classes == n)[:4] for n in range(len(self.people))])
        vectors, classes = vectors_of(model, self.train.subset(rows)), self.train.classes[rows]
        means = np.stack([vectors[classes == n].mean(axis=0) for n in range(len(self.people))])
        return np.asarray((means - means.mean(axis=0)).T, np.float32)

    def files(self) -> Mapping[str, str]:
        """Return no files."""
        return {}

    def loss(self, settings: Settings) -> Any:
        """Return the ArcFace loss. Label smoothing is not used."""
        return ArcFace(self.margin, self.scale)

    def metrics(self) -> list[Any]:
        """Return the accuracy with which the nearest centre is that of the right person."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return recall at 1 and the accuracy of verification, from 0 to 1, and the threshold of the latter."""
        vectors = vectors_of(model, self.report_on)
        told = verification(vectors, self.report_on.classes)
        return {
            "recall_at_1": recall_at_1(vectors, self.report_on.classes),
            "verification": told.accuracy,
            "threshold": told.threshold,
        }

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of pictures and people, the pictures left out, the normalization and the loss."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "people": {"train": len(self.people), "report": len(np.unique(self.report_on.classes))},
            "corrupt": corrupt_names(self.train, self.monitor, self.report_on),
            "mean": list(self.train.mean),
            "std": list(self.train.std),
            "embedding": {"size": self.size, "margin": self.margin, "scale": self.scale},
        }


def vectors_of(model: Any, data: Decoded, batch: int = 64) -> Vectors:
    """Return the vectors that ``model`` gives for the pictures, (n, size) float32."""
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
    """Read a data set ``train/<person>/*.jpg`` and ``test/<person>/*.jpg``. The test people may be others.

    Args:
        root: a folder or a zip. Without ``test`` or ``validation``, the last fifth of the people is held out.
        input_shape: (height, width, channels).
        settings: the settings of the run.
        progress: called with the number of decoded pictures and of all pictures of a split.
        cache: the folder for the decoded pictures.
        size: size of the vector.
        margin: the angular margin of ArcFace in radians, from 0 to below pi.
        scale: the feature scale of ArcFace, above 0. For small data sets, 16 is better than 64.

    Raises:
        InputError: an argument or the data set does not fit.
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
    """Return the class indices of the people to train on and of those to report on."""
    if len(trained) < 4:
        raise InputError(
            f"data set {folder.root} has no test/ folder and {len(trained)} people; holding people out needs 4"
        )
    kept = len(trained) - max(2, round(REPORTED * len(trained)))
    return trained[:kept], trained[kept:]


def _monitored(whole: Decoded, trained: NDArray[np.int64], settings: Settings) -> tuple[Decoded, Decoded]:
    """Return the pictures to train on and those to monitor, which are the last ones of each person by name.

    When each person has only one picture, the training pictures are monitored.
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
    """Return the data with classes that are indices into the training people."""
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
