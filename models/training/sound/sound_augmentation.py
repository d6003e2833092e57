"""What each training sound goes through, so that a network fitted to few speakers knows others. Plain numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training.sound.sounds import Wave, centred


@dataclass(frozen=True)
class Distortion:
    """How far a sound is changed; 0 leaves it.

    speed: the sound is played up to this share faster or slower, its pitch with it
    (https://www.danielpovey.com/files/2015_interspeech_augmentation.pdf). shift: seconds to either side.
    tilt: decibels that high frequencies gain or lose against low ones: another voice, another microphone.
    noise: decibels below the sound of the loudest noise. masks: of frames and of bins, each, in features,
    up to a fifth of all (SpecAugment, https://arxiv.org/abs/1904.08779).
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
            if not getattr(self, name) >= 0:  # not a number included
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}")


USUAL = Distortion()
LARGEST_MASK = 0.2


def distorted(samples: Wave, length: int, rate: int, how: Distortion, rng: np.random.Generator) -> Wave:
    """Return ``length`` samples: ``samples`` faster or slower, tilted, with noise, shifted."""
    x = at_speed(samples, (1 + how.speed) ** rng.uniform(-1, 1))
    if how.tilt:
        x = tilted(x, rng.uniform(-how.tilt, how.tilt))
    most = round(how.shift * rate)
    x = centred(x, length, int(rng.integers(-most, most + 1)))
    if how.noise:
        level = np.sqrt(np.mean(x**2)) * 10 ** (-(how.noise + rng.exponential(10)) / 20)
        x = x + tilted(rng.normal(0, level, length).astype(np.float32), rng.uniform(-20, 0))
    return x


def at_speed(samples: Wave, factor: float) -> Wave:
    """Play ``factor`` times as fast, by linear interpolation: n samples become n / factor."""
    count = max(1, round(len(samples) / factor))
    return np.asarray(np.interp(np.arange(count) * factor, np.arange(len(samples)), samples), np.float32)


def tilted(samples: Wave, decibels: float) -> Wave:
    """Change the level linearly over the frequency, by ``-decibels`` / 2 at 0 to ``decibels`` / 2 at half the rate."""
    spectrum = np.fft.rfft(samples)
    gain = 10 ** (decibels * np.linspace(-0.5, 0.5, len(spectrum)) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, len(samples)), np.float32)


def mask(features: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Set ``count`` runs of frames and of bins to 0, the features' mean. features: (frames, bins, 1)."""
    features = features.copy()
    for axis in (0, 1):
        size = features.shape[axis]
        for _ in range(count):
            run = int(rng.integers(0, int(LARGEST_MASK * size) + 1))
            at = int(rng.integers(0, size - run + 1))
            features[(slice(None),) * axis + (slice(at, at + run),)] = 0
    return features
