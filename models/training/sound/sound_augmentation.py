"""Augmentation of sounds in numpy, so that a network that is fitted to few speakers understands others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training.sound.sound_folder import Wave, centred


@dataclass(frozen=True)
class Distortion:
    """The largest changes of a sound. A value of 0 turns a change off.

    Attributes:
        speed: the largest change of the speed, as a fraction. The pitch changes with it, as in
            https://www.danielpovey.com/files/2015_interspeech_augmentation.pdf.
        shift: the largest shift to either side in seconds.
        tilt: the most decibels that high frequencies gain or lose against low ones, as with another microphone.
        noise: the signal-to-noise ratio of the loudest noise in decibels.
        masks: number of masked runs of frames, and of masked runs of bins, as in SpecAugment
            (https://arxiv.org/abs/1904.08779). A run masks up to ``LARGEST_MASK`` of them.
    """

    speed: float = 0.25
    shift: float = 0.1
    tilt: float = 6.0
    noise: float = 15.0
    masks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.speed < 1:
            raise InputError(f"speed must be from 0 to below 1, got {self.speed}")
        for name in ("shift", "tilt", "noise", "masks"):
            if not getattr(self, name) >= 0:  # this also refuses NaN
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}")


DEFAULT_DISTORTION = Distortion()

LARGEST_MASK = 0.2
"""The largest fraction of the frames, or of the bins, that one mask covers."""


def distort(samples: Wave, length: int, rate: int, how: Distortion, rng: np.random.Generator) -> Wave:
    """Return a random variant of a sound, (length,) float32.

    Args:
        samples: (n,) float32 from -1 to 1.
        length: number of samples of the result. The sound lies in its middle before it is shifted.
        rate: samples per second.
        how: the largest changes.
        rng: the random generator.
    """
    x = change_speed(samples, (1 + how.speed) ** rng.uniform(-1, 1))
    if how.tilt:
        x = tilt(x, rng.uniform(-how.tilt, how.tilt))
    most = round(how.shift * rate)
    x = centred(x, length, int(rng.integers(-most, most + 1)))
    if how.noise:
        level = np.sqrt(np.mean(x**2)) * 10 ** (-(how.noise + rng.exponential(10)) / 20)
        x = x + tilt(rng.normal(0, level, length).astype(np.float32), rng.uniform(-20, 0))
    return x


def change_speed(samples: Wave, factor: float) -> Wave:
    """Return the sound ``factor`` times as fast. Linear interpolation turns n samples into n / factor."""
    count = max(1, round(len(samples) / factor))
    return np.asarray(np.interp(np.arange(count) * factor, np.arange(len(samples)), samples), np.float32)


def tilt(samples: Wave, decibels: float) -> Wave:
    """Return the sound with high frequencies louder, and low ones quieter.

    The gain rises linearly with the frequency, from ``-decibels / 2`` at 0 to ``decibels / 2`` at half the rate.
    """
    spectrum = np.fft.rfft(samples)
    gain = 10 ** (decibels * np.linspace(-0.5, 0.5, len(spectrum)) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, len(samples)), np.float32)


def mask(features: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a copy of the features with ``count`` runs of frames and of bins set to 0, which is the features' mean.

    Args:
        features: (frames, bins, 1) float32.
        count: number of runs of each kind.
        rng: the random generator.
    """
    features = features.copy()
    for axis in (0, 1):
        size = features.shape[axis]
        for _ in range(count):
            run = int(rng.integers(0, int(LARGEST_MASK * size) + 1))
            at = int(rng.integers(0, size - run + 1))
            features[(slice(None),) * axis + (slice(at, at + run),)] = 0
    return features
