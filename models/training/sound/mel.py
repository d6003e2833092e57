"""Features of a sound for networks over images: log-mel energies or mel-frequency cepstral coefficients, in numpy.

A clip is cut into frames that are two hops long and start one hop apart. The number of frames is the height of the
network's input. The features do not depend on the level of the sound: energies below a fraction of the clip's largest
one are raised to it, and each bin has mean 0 over the clip. Log-mel features are divided by the standard deviation of
all bins of the clip together. Cepstral coefficients are divided by their own standard deviations, because the first
ones are so large that they would hide the others.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Floats = NDArray[np.float32]

KINDS = ("logmel", "mfcc")
BANDS = 40
"""The mel bands that cepstral coefficients are made from, as in https://arxiv.org/abs/1711.07128, section 5."""

LOWEST = 60.0
"""The lowest frequency in hertz. Below it there is hum but no speech."""

FLOOR = 1e-5
"""The smallest energy as a fraction of the clip's largest band energy, which is 50 dB below it."""


@dataclass(frozen=True)
class Features:
    """The features of clips of one length, as a function of the clips.

    Attributes:
        frames: number of frames of the result.
        bins: number of mel bands or of cepstral coefficients of the result.
        rate: samples per second.
        samples: samples of a clip.
        kind: ``logmel`` or ``mfcc``.
    """

    frames: int
    bins: int
    rate: int
    samples: int
    kind: str = KINDS[0]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"features must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.hop < 8:
            raise InputError(
                f"frames must be at most {self.samples // 8 - 1} in a clip of {self.samples} samples, got {self.frames}"
            )
        if self.kind == "mfcc" and self.bins > BANDS:
            raise InputError(f"mfcc has at most {BANDS} coefficients, got {self.bins} bins; logmel takes any number")

    @property
    def hop(self) -> int:
        """The number of samples from the start of one frame to the start of the next. A frame has twice as many."""
        return self.samples // (self.frames + 1)

    def __call__(self, clips: NDArray[Any]) -> Floats:
        """Return the features, (n, frames, bins, 1) float32, of clips, (n, samples) from -1 to 1."""
        energies = np.maximum(self.energies(clips).astype(np.float64), 1e-12)
        loudest = energies.max((1, 2), keepdims=True)
        logs = np.log(np.maximum(energies, FLOOR * loudest))
        found = logs if self.kind == "logmel" else logs @ dct(BANDS)[:, : self.bins]
        centred = found - found.mean(1, keepdims=True)
        deviation = centred.std((1, 2) if self.kind == "logmel" else 1, keepdims=True)
        return np.asarray(centred / (deviation + 1e-3), np.float32)[..., None]

    def energies(self, clips: NDArray[Any]) -> Floats:
        """Return the mel band energies, (n, frames, bands) float32, of clips, (n, samples).

        They are weighted sums of the power spectrum of each frame under a Hann window.
        """
        size = 2 * self.hop
        windows = np.lib.stride_tricks.sliding_window_view(clips, size, axis=-1)[:, :: self.hop][:, : self.frames]
        length = 1 << (size - 1).bit_length()
        power = np.abs(np.fft.rfft(windows * hann(size), length)) ** 2
        bands = BANDS if self.kind == "mfcc" else self.bins
        return np.asarray(power @ mel_weights(bands, length // 2 + 1, self.rate), np.float32)


def hertz_to_mel(hertz: Any) -> Any:
    """Return 2595 log10(1 + f / 700), the mel scale of O'Shaughnessy (1987), which HTK and TensorFlow use, too."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


@cache
def mel_weights(bands: int, bins: int, rate: int) -> Floats:
    """Return the weights of a mel filter bank, (bins, bands) float32 from 0 to 1.

    The filters are triangles on the mel scale with height 1. Each begins at the top of the previous one, the first one
    at ``LOWEST``, and the last one ends at rate / 2.

    Args:
        bands: number of filters.
        bins: bins of the spectrum, from 0 to rate / 2 hertz.
        rate: samples per second.
    """
    mels = hertz_to_mel(np.linspace(0, rate / 2, bins))[:, None]
    edges = np.linspace(hertz_to_mel(LOWEST), hertz_to_mel(rate / 2), bands + 2)
    low, top, high = edges[:-2], edges[1:-1], edges[2:]
    return np.asarray(np.maximum(0, np.minimum((mels - low) / (top - low), (high - mels) / (high - top))), np.float32)


@cache
def dct(size: int) -> Floats:
    """Return the orthonormal DCT-II, (size, size) float32: column k is cos(pi k (2 n + 1) / (2 size)), scaled."""
    n, k = np.mgrid[:size, :size]
    scale = np.where(k == 0, math.sqrt(1 / size), math.sqrt(2 / size))
    return np.asarray(scale * np.cos(np.pi * k * (2 * n + 1) / (2 * size)), np.float32)


@cache
def hann(size: int) -> Floats:
    """Return the periodic Hann window, (size,) float32."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size), np.float32)
