"""Sounds with one class each, split by speaker: the network is reported on voices that it has not heard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training.batching import sharded
from edge.models.training.dataset_task import Plain
from edge.models.training.settings import Settings
from edge.models.training.sound.mel import KINDS, Features
from edge.models.training.sound.sound_augmentation import USUAL, Distortion, distorted, mask
from edge.models.training.sound.sounds import Clip, Wave, centred, open_sounds

Floats = NDArray[np.float32]

SECONDS = 1.0
"""Of a clip that features are taken of; a network over the waveform says its length itself."""


@dataclass(frozen=True)
class Speech(Plain):
    """train: what is fitted. monitor: what each epoch reports on. report_on: what the final accuracy is taken on.

    features: None for a network over the waveform. samples: of a clip, ``rate`` a second.
    """

    train: tuple[Clip, ...]
    monitor: tuple[Clip, ...]
    report_on: tuple[Clip, ...]
    labels: tuple[str, ...]
    rate: int
    samples: int
    features: Features | None = None
    distortion: Distortion = USUAL
    corrupt: tuple[str, ...] = ()
    metric: str = "accuracy"

    @property
    def count(self) -> int:
        """Training sounds."""
        return len(self.train)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input: (samples, 1), or (frames, bins, 1)."""
        return (self.features.frames, self.features.bins, 1) if self.features else (self.samples, 1)

    def prepared(self, waves: Sequence[Wave]) -> Floats:
        """Return what the network takes of waves of ``samples`` each: (n, *shape), each of mean 0 and deviation 1."""
        stacked = np.stack(waves)
        if self.features is not None:
            return self.features(stacked)
        return np.asarray(stacked / (stacked.std(1, keepdims=True) + 1e-6), np.float32)[..., None]

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, *shape) float32 distorted, and (batch, classes) float32 targets, endless."""
        order = tf.data.Dataset.range(self.count).shuffle(self.count, seed=seed).repeat()
        numbered = tf.data.Dataset.zip((order.batch(settings.batch, drop_remainder=True), tf.data.Dataset.counter()))

        def read(rows: NDArray[np.int64], step: int) -> tuple[Floats, Floats]:
            rng = np.random.default_rng((seed, int(step)))
            clips = [self.train[row] for row in rows]
            waves = [distorted(c.samples, self.samples, self.rate, self.distortion, rng) for c in clips]
            inputs, targets = self.prepared(waves), self._targets(clips)
            if self.features and self.distortion.masks:
                inputs = np.stack([mask(x, self.distortion.masks, rng) for x in inputs])
            return mixed(inputs, targets, settings.augmentation.mixup, rng)

        return self._mapped(numbered, read)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored sounds, in order."""
        order = tf.data.Dataset.range(len(self.monitor)).batch(2 * settings.batch)
        return self._mapped(order, lambda rows: self._plain([self.monitor[row] for row in rows]))

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training sounds in batches, not distorted."""
        rows = np.random.default_rng(seed).choice(self.count, min(self.count, most), replace=False)
        for part in np.array_split(rows, max(1, len(rows) // batch)):
            yield self._plain([self.train[row] for row in part])[0]

    def loss(self, settings: Settings) -> Any:
        """Cross-entropy; a smoothed target has ``label_smoothing`` spread over all classes."""
        return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Top-1 accuracy, named ``accuracy``."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Accuracy on the speakers held out, 0 to 1, of all and by speaker."""
        call = tf.function(lambda x: tf.argmax(model(x, training=False), -1), reduce_retracing=True)
        right = []
        for at in range(0, len(self.report_on), 256):
            inputs, targets = self._plain(self.report_on[at : at + 256])
            right.append(call(tf.constant(inputs)).numpy() == targets.argmax(-1))
        hits, speakers = np.concatenate(right), np.array([clip.speaker for clip in self.report_on])
        by_speaker = {name: float(hits[speakers == name].mean()) for name in sorted(set(speakers.tolist()))}
        return {"accuracy": float(hits.mean()), "accuracy_by_speaker": by_speaker}

    def facts(self) -> Mapping[str, Any]:
        """Counts, sounds left out, speakers, what the inputs are made from."""
        made = {"kind": "waveform"} if self.features is None else {"kind": self.features.kind, "hop": self.features.hop}
        return {
            "images": {"train": self.count, "report": len(self.report_on)},
            "corrupt": list(self.corrupt),
            "speakers": {"train": _speakers(self.train), "report": _speakers(self.report_on)},
            "sound": {"rate": self.rate, "samples": self.samples, **made},
        }

    def _plain(self, clips: Sequence[Clip]) -> tuple[Floats, Floats]:
        return self.prepared([centred(clip.samples, self.samples) for clip in clips]), self._targets(clips)

    def _targets(self, clips: Sequence[Clip]) -> Floats:
        return np.eye(len(self.labels), dtype=np.float32)[[clip.label for clip in clips]]

    def _mapped(self, order: Any, read: Callable[..., tuple[Floats, Floats]]) -> Any:
        def tensors(*numbers: Any) -> tuple[Any, Any]:
            inputs, targets = tf.numpy_function(read, numbers, (tf.float32, tf.float32), stateful=False)
            return tf.ensure_shape(inputs, (None, *self.shape)), tf.ensure_shape(targets, (None, len(self.labels)))

        return sharded(order.map(tensors, tf.data.AUTOTUNE, deterministic=True)).prefetch(tf.data.AUTOTUNE)


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
    *,
    speakers: Sequence[str] = (),
    features: str = KINDS[0],
    distortion: Distortion = USUAL,
) -> Speech:
    """Read a data set of sounds (``edge.models.training.sound.sounds``) for a network of ``input_shape``.

    input_shape: (samples, 1) for the waveform, (frames, bins, 1) for ``features``: logmel or mfcc.
    speakers: whom to report on; by default the last in alphabetical order. ``settings.holdout`` sets whole speakers
    apart for validation, too. Of the settings' augmentation only ``mixup`` has a meaning for sounds.
    Raises InputError for what does not fit, FileError as ``open_sounds`` does.
    """
    if len(input_shape) not in (2, 3) or input_shape[-1] != 1:
        raise InputError(f"sounds have the shape (samples, 1) or (frames, bins, 1), got input_shape {input_shape}")
    if settings.augmentation.cutout:
        raise InputError(f"cutout is for images and must be 0 for sounds, got {settings.augmentation.cutout}")
    data = open_sounds(root, progress)
    train, monitor, report = split(data.speakers, speakers, settings.holdout)
    samples = input_shape[0] if len(input_shape) == 2 else round(SECONDS * data.rate)
    made = Features(input_shape[0], input_shape[1], data.rate, samples, features) if len(input_shape) == 3 else None
    parts = (data.of(train), data.of(monitor), data.of(report))
    return Speech(*parts, data.labels, data.rate, samples, made, distortion, data.corrupt)


def split(
    speakers: Sequence[str], reported: Sequence[str], holdout: float
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return whom to train on, to monitor, to report on. The monitored are the reported when nobody is held out.

    Raises InputError for an unknown speaker, and when nobody is left to train on.
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


def mixed(inputs: Floats, targets: Floats, alpha: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Blend every sample and target with another of the batch, by a share drawn from Beta(alpha, alpha)."""
    if not alpha:
        return inputs, targets
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)
    other = rng.permutation(len(inputs))
    shares = share.reshape(-1, *(1,) * (inputs.ndim - 1))
    flat = share[:, None]
    return inputs * shares + inputs[other] * (1 - shares), targets * flat + targets[other] * (1 - flat)


def _speakers(clips: Sequence[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})
