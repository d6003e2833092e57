"""Clips with one class each: cross-entropy with label smoothing, top-1 accuracy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.answers import answers, figures
from edge.models.training.clips.clip_folder import Clip, ClipFolder, open_clips
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress, Rows, key, stored
from edge.models.training.detection.box_augmentation import jitter
from edge.models.training.settings import Augmentation, Settings

MIDDLE = 127.5
"""Mean and standard deviation of the network's input: (pixel - 127.5) / 127.5."""


@dataclass(frozen=True)
class Decoded:
    """Decoded clips.

    Attributes:
        frames: (n, frames, height, width, channels) uint8.
        classes: (n,) int64.
        corrupt: names of the clips that were left out.
    """

    frames: NDArray[np.uint8] | Rows
    classes: NDArray[np.int64]
    corrupt: tuple[str, ...] = ()

    def subset(self, rows: NDArray[np.int64]) -> "Decoded":
        """Return the clips of these rows; their frames stay where they are."""
        whole = self.frames
        chosen = Rows(whole.array, whole.rows[rows]) if isinstance(whole, Rows) else Rows(whole, rows)
        return replace(self, frames=chosen, classes=self.classes[rows])


@dataclass(frozen=True)
class Clips(Plain):
    """Clips for the fit.

    Attributes:
        train: what is fitted.
        monitor: what each epoch reports on.
        report_on: what the final accuracy is taken on.
        labels: the classes.
        step: from one sampled frame to the next, in frames of the videos; 0 for evenly over a whole clip.
        metric: of the history.
    """

    train: Decoded
    monitor: Decoded
    report_on: Decoded
    labels: tuple[str, ...]
    step: int = 0
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """Training clips."""
        return len(self.train.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input: (frames, height, width, channels)."""
        return tuple(self.train.frames.shape[1:])

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, frames, height, width, channels) float32 and (batch, classes) float32 targets, endless."""

        def read(rows: NDArray[np.int64], step: int) -> tuple[Any, Any]:
            rng = np.random.default_rng((seed, int(step)))
            clips = self.train.frames[rows].astype(np.float32)
            moved = np.stack([augmented(clip, settings.augmentation, rng) for clip in clips])
            return normalize(moved), self._targets(self.train.classes[rows])

        return batching.mapped(batching.shuffled(self.count, settings.batch, seed), read, self._samples)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored clips, in order."""
        return self._in_order(self.monitor, settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training clips in batches, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield normalize(self.train.frames[rows])

    def loss(self, settings: Settings) -> Any:
        """Cross-entropy; a smoothed target has ``label_smoothing`` spread over all classes."""
        return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Top-1 accuracy, named ``accuracy``."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Accuracy, 0 to 1, of all and by class."""
        return figures(*answers(model, self._in_order(self.report_on, 8)), self.labels)

    def facts(self) -> Mapping[str, Any]:
        """Counts, clips left out, how frames are sampled and normalized."""
        parts = {id(part): part for part in (self.train, self.monitor, self.report_on)}.values()
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "corrupt": list(dict.fromkeys(name for part in parts for name in part.corrupt)),
            "mean": [MIDDLE],
            "std": [MIDDLE],
            "clip": {"frames": self.shape[0], "step": self.step},
        }

    def _in_order(self, data: Decoded, batch: int) -> Any:
        def read(rows: NDArray[np.int64]) -> tuple[Any, Any]:
            return normalize(data.frames[rows]), self._targets(data.classes[rows])

        return batching.mapped(batching.in_order(len(data.classes), batch), read, self._samples)

    def _targets(self, classes: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.eye(len(self.labels), dtype=np.float32)[classes]

    @property
    def _samples(self) -> tuple[Any, ...]:
        return (tf.float32, (None, *self.shape)), (tf.float32, (None, len(self.labels)))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None,
    cache: Path,
    *,
    step: int = 0,
) -> Clips:
    """Read clips (``edge.models.training.clips.clip_folder``) for a network of ``input_shape``.

    Args:
        root: a folder or a zip.
        input_shape: (frames, height, width, channels).
        settings: of the run; ``holdout`` sets training clips apart for validation.
        progress: called with clips read and clips in all.
        cache: a folder for the decoded frames.
        step: see ``Clips``; C3D's authors take frames that follow each other, a step of 1.

    Raises:
        InputError: something does not fit.
        FileError: the data set cannot be read.
    """
    if len(input_shape) != 4 or input_shape[3] not in (1, 3):
        raise InputError(f"clips have the shape (frames, height, width, 1 or 3), got input_shape {input_shape}")
    if not isinstance(step, int) or step < 0:
        raise InputError(f"step must be a whole number of frames, 0 for evenly over a clip, got {step!r}")
    for name in ("cutout", "mixup"):
        if value := getattr(settings.augmentation, name):
            raise InputError(f"{name} is for single images and must be 0 for clips, got {value}")
    folder = open_clips(root)
    report = folder.evaluation()
    frames, height, width, channels = input_shape
    decoded = {
        split: _decoded(folder, clips, (frames, height, width, channels), step, cache / split, progress)
        for split, clips in folder.splits.items()
    }
    train, monitor = decoded["train"], decoded.get("validation", decoded[report])
    if settings.holdout and "validation" not in decoded:
        train, monitor = _hold_out(train, settings)
    return Clips(train, monitor, decoded[report], folder.labels, step)


def _decoded(
    folder: ClipFolder,
    clips: tuple[Clip, ...],
    size: tuple[int, int, int, int],
    step: int,
    cache: Path,
    progress: Progress | None,
) -> Decoded:
    names = tuple(clip.name for clip in clips)
    stem = cache / key(folder.root, names, (*size, step))
    frames, good = stored(stem, len(clips), size, lambda: folder.read(clips, size, step), progress)
    if not good:
        raise InputError(f"data set {folder.root}: none of the {len(clips)} clips of {cache.name}/ can be decoded")
    corrupt = tuple(name for row, name in enumerate(names) if row not in set(good))
    return Decoded(frames, np.asarray([clips[row].label for row in good], np.int64), corrupt)


def _hold_out(data: Decoded, settings: Settings) -> tuple[Decoded, Decoded]:
    """Return the training part and a random ``holdout`` share set apart, at least one clip of each."""
    if len(data.classes) < 2:
        raise InputError(f"holding clips out needs at least 2 training clips, got {len(data.classes)}")
    order = np.random.default_rng(settings.seed).permutation(len(data.classes))
    apart = min(len(order) - 1, max(1, round(settings.holdout * len(order))))
    return data.subset(np.sort(order[apart:])), data.subset(np.sort(order[:apart]))


def augmented(clip: NDArray[np.float32], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mirror, shift and recolour a clip (frames, height, width, channels), all its frames alike; edges are repeated."""
    if how.flip and rng.random() < 0.5:
        clip = clip[:, :, ::-1]
    if how.crop:
        rows, columns = (_moved(size, how.crop, rng) for size in clip.shape[1:3])
        clip = clip[:, rows][:, :, columns]
    if how.jitter:
        frames, height, width, channels = clip.shape
        clip = jitter(clip.reshape(frames * height, width, channels), how.jitter, rng).reshape(clip.shape)
    return clip


def _moved(size: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the indices of an axis, moved by up to ``most`` either way, the edge repeated."""
    return np.clip(np.arange(size) + int(rng.integers(-most, most + 1)), 0, size - 1)


def normalize(frames: Any) -> NDArray[np.float32]:
    """Map pixels 0 to 255 to the network's input, float32."""
    return (np.asarray(frames, np.float32) - np.float32(MIDDLE)) / np.float32(MIDDLE)
