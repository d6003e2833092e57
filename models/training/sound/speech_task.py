"""The dataset task of sounds with one class each. The accuracy is measured on speakers that are not trained on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.single_label import SingleLabelTask
from edge.models.training.settings import Settings
from edge.models.training.sound.mel import KINDS, Features
from edge.models.training.sound.sound_augmentation import DEFAULT_DISTORTION, Distortion, distort, mask
from edge.models.training.sound.sound_folder import Clip, Wave, centred, open_sounds

Floats = NDArray[np.float32]

SECONDS = 1.0
"""The length of a clip for features, in seconds. A network over the waveform has the length in its input shape."""


@dataclass(frozen=True)
class Speech(SingleLabelTask):
    """Sounds with one class each.

    Attributes:
        train: the sounds that the network is fitted to.
        monitor: the sounds that each epoch is evaluated on.
        report_on: the sounds that the final accuracy is measured on.
        labels: the class names.
        rate: samples per second.
        samples: samples of a clip.
        features: the features that the network takes, or None for a network over the waveform.
        distortion: the largest changes of training sounds.
        corrupt: the names of the files that were left out.
        metric: the metric that says how good an epoch is.
    """

    train: tuple[Clip, ...]
    monitor: tuple[Clip, ...]
    report_on: tuple[Clip, ...]
    labels: tuple[str, ...]
    rate: int
    samples: int
    features: Features | None = None
    distortion: Distortion = DEFAULT_DISTORTION
    corrupt: tuple[str, ...] = ()
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """The number of training sounds."""
        return len(self.train)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: (samples, 1), or (frames, bins, 1) with features."""
        return (self.features.frames, self.features.bins, 1) if self.features else (self.samples, 1)

    def prepared(self, waves: Sequence[Wave]) -> Floats:
        """Return the network's input, (n, *shape) float32, for waves of ``samples`` samples each.

        Waveforms are divided by their standard deviation; see ``edge.models.training.sound.mel`` for features.
        """
        stacked = np.stack(waves)
        if self.features is not None:
            return self.features(stacked)
        return np.asarray(stacked / (stacked.std(1, keepdims=True) + 1e-6), np.float32)[..., None]

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset of distorted batches.

        Inputs are (batch, *shape) float32, and targets (batch, classes) float32.
        """

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
            clips = [self.train[row] for row in rows]
            waves = [distort(c.samples, self.samples, self.rate, self.distortion, rng) for c in clips]
            inputs, targets = self.prepared(waves), self._targets(clips)
            if self.features and self.distortion.masks:
                inputs = np.stack([mask(x, self.distortion.masks, rng) for x in inputs])
            return mixup(inputs, targets, settings.augmentation.mixup, rng)

        return batching.augmented_batches(self.count, settings.batch, seed, read, self.batch_types(self.shape))

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored sounds in order, not distorted."""
        order = batching.in_order(len(self.monitor), 2 * settings.batch)
        return batching.mapped(
            order, lambda rows: self._plain([self.monitor[row] for row in rows]), self.batch_types(self.shape)
        )

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of a random choice of the training sounds, not distorted."""
        rows = np.random.default_rng(seed).choice(self.count, min(self.count, most), replace=False)
        for part in np.array_split(rows, max(1, len(rows) // batch)):
            yield self._plain([self.train[row] for row in part])[0]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return the accuracy on the reported speakers, from 0 to 1, over all sounds and by speaker."""
        call = tf.function(lambda x: tf.argmax(model(x, training=False), -1), reduce_retracing=True)
        right = []
        for at in range(0, len(self.report_on), 256):
            inputs, targets = self._plain(self.report_on[at : at + 256])
            right.append(call(tf.constant(inputs)).numpy() == targets.argmax(-1))
        hits, speakers = np.concatenate(right), np.array([clip.speaker for clip in self.report_on])
        by_speaker = {name: float(hits[speakers == name].mean()) for name in sorted(set(speakers.tolist()))}
        return {"accuracy": float(hits.mean()), "accuracy_by_speaker": by_speaker}

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of sounds, the sounds that were left out, the speakers, and how inputs are made."""
        form = {"kind": "waveform"} if self.features is None else {"kind": self.features.kind, "hop": self.features.hop}
        return {
            "images": {"train": self.count, "report": len(self.report_on)},
            "corrupt": list(self.corrupt),
            "speakers": {"train": _speakers(self.train), "report": _speakers(self.report_on)},
            "sound": {"rate": self.rate, "samples": self.samples, **form},
        }

    def _plain(self, clips: Sequence[Clip]) -> tuple[Floats, Floats]:
        """Return inputs and targets without distortion."""
        return self.prepared([centred(clip.samples, self.samples) for clip in clips]), self._targets(clips)

    def _targets(self, clips: Sequence[Clip]) -> Floats:
        return self.one_hot(np.asarray([clip.label for clip in clips]))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
    *,
    speakers: Sequence[str] = (),
    features: str = KINDS[0],
    distortion: Distortion = DEFAULT_DISTORTION,
) -> Speech:
    """Read a data set of sounds; see ``edge.models.training.sound.sound_folder``.

    Args:
        root: a folder or a zip.
        input_shape: (samples, 1) for a network over the waveform, or (frames, bins, 1) for one over features.
        settings: the settings of the run. ``holdout`` sets whole speakers apart for validation. Of the augmentation,
            only ``mixup`` is used.
        progress: called with the number of sounds that were read and of all sounds.
        speakers: the speakers to report on; by default the last one in alphabetical order.
        features: ``logmel`` or ``mfcc``; see ``edge.models.training.sound.mel``.
        distortion: the largest changes of training sounds.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    if len(input_shape) not in (2, 3) or input_shape[-1] != 1:
        raise InputError(f"sounds have the shape (samples, 1) or (frames, bins, 1), got input_shape {input_shape}")
    if settings.augmentation.cutout:
        raise InputError(f"cutout is for images and must be 0 for sounds, got {settings.augmentation.cutout}")
    data = open_sounds(root, progress)
    train, monitor, report = split_speakers(data.speakers, speakers, settings.holdout)
    samples = input_shape[0] if len(input_shape) == 2 else round(SECONDS * data.rate)
    extracted = (
        Features(input_shape[0], input_shape[1], data.rate, samples, features) if len(input_shape) == 3 else None
    )
    parts = (data.of(train), data.of(monitor), data.of(report))
    return Speech(*parts, data.labels, data.rate, samples, extracted, distortion, data.corrupt)


def split_speakers(
    speakers: Sequence[str], reported: Sequence[str], holdout: float
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the speakers to train on, to monitor and to report on.

    The reported speakers are also monitored when no speakers are held out.

    Args:
        speakers: all speakers, sorted.
        reported: the speakers to report on; when empty, the last one.
        holdout: fraction of the other speakers that is held out to monitor; 0 for none.

    Raises:
        InputError: a speaker is unknown, or none is left to train on.
    """
    report = tuple(reported) or tuple(speakers[-1:])
    if unknown := [name for name in report if name not in speakers]:
        raise InputError(f"speakers must be among {', '.join(speakers)}, got {unknown[0]!r}")
    rest = tuple(name for name in speakers if name not in report)
    apart = max(1, round(holdout * len(rest))) if holdout else 0
    if len(rest) <= apart:
        raise InputError(
            f"at least one speaker must be left to train on, got {len(speakers)} in all, {len(report)} to report on "
            f"and {apart} held out"
        )
    return rest[: len(rest) - apart], rest[len(rest) - apart :] or report, report


def mixup(inputs: Floats, targets: Floats, alpha: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return each sample and target mixed with another one of the batch (mixup, https://arxiv.org/abs/1710.09412).

    Args:
        inputs: (n, ...) float32.
        targets: (n, classes) float32.
        alpha: the share of a sample is drawn from the distribution Beta(alpha, alpha); 0 returns the batch unchanged.
        rng: the random generator.
    """
    if not alpha:
        return inputs, targets
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)
    other = rng.permutation(len(inputs))
    shares = share.reshape(-1, *(1,) * (inputs.ndim - 1))
    flat = share[:, None]
    return inputs * shares + inputs[other] * (1 - shares), targets * flat + targets[other] * (1 - flat)


def _speakers(clips: Sequence[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})
