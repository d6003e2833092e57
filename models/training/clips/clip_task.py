"""The dataset task of video clips with one class each: cross-entropy with label smoothing, top-1 accuracy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.single_label import SingleLabelTask, accuracy_figures, predict_classes
from edge.models.training.clips.clip_folder import Clip, ClipFolder, open_clips
from edge.models.training.decode import Progress, Rows, corrupt_names, key, stored
from edge.models.training.hold_out import hold_out_rows
from edge.models.training.image_augmentation import jitter
from edge.models.training.normalization import FACTS, normalize
from edge.models.training.reader_checks import check_no_cutout_or_mixup
from edge.models.training.settings import Augmentation, Settings


@dataclass(frozen=True)
class DecodedClips:
    """Decoded clips.

    Attributes:
        frames: (n, frames, height, width, channels) uint8, RGB or grey.
        classes: (n,) int64 label indices.
        corrupt: the names of the clips that were left out.
    """

    frames: NDArray[np.uint8] | Rows
    classes: NDArray[np.int64]
    corrupt: tuple[str, ...] = ()

    def subset(self, rows: NDArray[np.int64]) -> "DecodedClips":
        """Return the clips of ``rows``, (m,), in this order, without a copy of their frames."""
        whole = self.frames
        chosen = Rows(whole.array, whole.rows[rows]) if isinstance(whole, Rows) else Rows(whole, rows)
        return replace(self, frames=chosen, classes=self.classes[rows])


@dataclass(frozen=True)
class Clips(SingleLabelTask):
    """Clips with one class each.

    Attributes:
        train: the clips that the network is fitted to.
        monitor: the clips that each epoch is evaluated on.
        report_on: the clips that the final accuracy is measured on.
        labels: the class names.
        step: the distance of sampled frames in frames of the video; 0 samples evenly over the whole clip.
        metric: the metric that says how good an epoch is.
    """

    train: DecodedClips
    monitor: DecodedClips
    report_on: DecodedClips
    labels: tuple[str, ...]
    step: int = 0
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """The number of training clips."""
        return len(self.train.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input, (frames, height, width, channels)."""
        return tuple(self.train.frames.shape[1:])

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of augmented batches.

        Inputs are (batch, frames, height, width, channels) float32, normalized. Targets are (batch, classes) float32.
        """

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Any, Any]:
            clips = self.train.frames[rows].astype(np.float32)
            changed = np.stack([augment(clip, settings.augmentation, rng) for clip in clips])
            return normalize(changed), self.one_hot(self.train.classes[rows])

        return batching.augmented_batches(self.count, settings.batch, seed, read, self.batch_types(self.shape))

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored clips in order, not augmented."""
        return self._in_order(self.monitor, settings.batch)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training clips, not augmented."""
        for rows in batching.some_rows(self.count, batch, most, seed):
            yield normalize(self.train.frames[rows])

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return the accuracy, from 0 to 1, over all clips and by class."""
        return accuracy_figures(*predict_classes(model, self._in_order(self.report_on, 8)), self.labels)

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of clips, the clips that were left out, the normalization and the sampling of frames."""
        return {
            "images": {"train": self.count, "report": len(self.report_on.classes)},
            "corrupt": corrupt_names(self.train, self.monitor, self.report_on),
            **FACTS,
            "clip": {"frames": self.shape[0], "step": self.step},
        }

    def _in_order(self, data: DecodedClips, batch: int) -> Any:
        def read(rows: NDArray[np.int64]) -> tuple[Any, Any]:
            return normalize(data.frames[rows]), self.one_hot(data.classes[rows])

        return batching.mapped(batching.in_order(len(data.classes), batch), read, self.batch_types(self.shape))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None,
    cache: Path,
    *,
    step: int = 0,
) -> Clips:
    """Read a data set of clips; see ``edge.models.training.clips.clip_folder``.

    Args:
        root: a folder or a zip.
        input_shape: (frames, height, width, channels).
        settings: the settings of the run. ``holdout`` sets training clips apart for validation.
        progress: called with the number of clips that were read and of all clips of a split.
        cache: the folder for the decoded frames.
        step: see ``Clips``. The authors of C3D take consecutive frames, which is a step of 1.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    if len(input_shape) != 4 or input_shape[3] not in (1, 3):
        raise InputError(f"clips have the shape (frames, height, width, 1 or 3), got input_shape {input_shape}")
    if not isinstance(step, int) or step < 0:
        raise InputError(f"step must be a whole number of frames, 0 for evenly over a clip, got {step!r}")
    check_no_cutout_or_mixup(settings.augmentation, "clips")
    folder = open_clips(root)
    report = folder.evaluation()
    frames, height, width, channels = input_shape
    decoded = {
        split: _decode(folder, clips, (frames, height, width, channels), step, cache / split, progress)
        for split, clips in folder.splits.items()
    }
    train, monitor = decoded["train"], decoded.get("validation", decoded[report])
    if settings.holdout and "validation" not in decoded:
        kept, apart = hold_out_rows(len(train.classes), settings.holdout, settings.seed, "clip")
        train, monitor = train.subset(kept), train.subset(apart)
    return Clips(train, monitor, decoded[report], folder.labels, step)


def _decode(
    folder: ClipFolder,
    clips: tuple[Clip, ...],
    size: tuple[int, int, int, int],
    step: int,
    cache: Path,
    progress: Progress | None,
) -> DecodedClips:
    names = tuple(clip.name for clip in clips)
    stem = cache / key(folder.root, names, (*size, step))
    frames, good = stored(stem, len(clips), size, lambda: folder.read(clips, size, step), progress)
    if not good:
        raise InputError(f"data set {folder.root}: none of the {len(clips)} clips of {cache.name}/ can be decoded")
    corrupt = tuple(names[row] for row in sorted(set(range(len(names))) - set(good)))
    return DecodedClips(frames, np.asarray([clips[row].label for row in good], np.int64), corrupt)


def augment(clip: NDArray[np.float32], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random variant of a clip. All of its frames are mirrored, shifted and recoloured alike.

    Args:
        clip: (frames, height, width, channels) float32, from 0 to 255. The edge is repeated when it is shifted.
        how: the augmentation; ``flip``, ``crop`` and ``jitter`` are used.
        rng: the random generator.
    """
    if how.flip and rng.random() < 0.5:
        clip = clip[:, :, ::-1]
    if how.crop:
        rows, columns = (_shifted_indices(size, how.crop, rng) for size in clip.shape[1:3])
        clip = clip[:, rows][:, :, columns]
    if how.jitter:
        frames, height, width, channels = clip.shape
        clip = jitter(clip.reshape(frames * height, width, channels), how.jitter, rng).reshape(clip.shape)
    return clip


def _shifted_indices(size: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the indices of an axis after a random shift of up to ``most`` to either side; the edge is repeated."""
    return np.clip(np.arange(size) + int(rng.integers(-most, most + 1)), 0, size - 1)
