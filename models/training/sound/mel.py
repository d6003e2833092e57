"""Features of a sound for networks over images: log-mel energies and their cepstral coefficients. Plain numpy.

A clip is cut into frames of two hops, one hop apart; there are as many as the network's input is high. Level does not
count: energies below a share of the clip's largest are raised to it, and each bin has mean 0 over a clip. All log-mel
bins together have deviation 1, each coefficient has by itself: the first ones would drown the others.
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
"""Of the mel scale below the cepstral coefficients, as in https://arxiv.org/abs/1711.07128, section 5."""

LOWEST = 60.0
"""Hertz; below it there is hum, and no speech."""

FLOOR = 1e-5
"""Of a clip's largest band energy: 50 dB below it."""


@dataclass(frozen=True)
class Features:
    """frames, bins: of the result. rate: samples a second. samples: of a clip. kind: of ``KINDS``."""

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
        """Samples from one frame to the next; a frame has twice as many."""
        return self.samples // (self.frames + 1)

    def __call__(self, clips: NDArray[Any]) -> Floats:
        """(n, samples) to (n, frames, bins, 1) float32."""
        energies = np.maximum(self.energies(clips).astype(np.float64), 1e-12)
        loudest = energies.max((1, 2), keepdims=True)
        logs = np.log(np.maximum(energies, FLOOR * loudest))
        found = logs if self.kind == "logmel" else logs @ dct(BANDS)[:, : self.bins]
        centred = found - found.mean(1, keepdims=True)
        deviation = centred.std((1, 2) if self.kind == "logmel" else 1, keepdims=True)
        return np.asarray(centred / (deviation + 1e-3), np.float32)[..., None]

    def energies(self, clips: NDArray[Any]) -> Floats:
        """(n, samples) to (n, frames, bands) energies on the mel scale, of the power spectrum of Hann windows."""
        size = 2 * self.hop
        windows = np.lib.stride_tricks.sliding_window_view(clips, size, axis=-1)[:, :: self.hop][:, : self.frames]
        length = 1 << (size - 1).bit_length()
        power = np.abs(np.fft.rfft(windows * hann(size), length)) ** 2
        bands = BANDS if self.kind == "mfcc" else self.bins
        return np.asarray(power @ mel_weights(bands, length // 2 + 1, self.rate), np.float32)


def hertz_to_mel(hertz: Any) -> Any:
    """2595 log10(1 + f / 700) (O'Shaughnessy 1987; HTK's and TensorFlow's)."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


@cache
def mel_weights(bands: int, bins: int, rate: int) -> Floats:
    """Return (bins, bands): triangles over the mel scale, half overlapping, 1 at their tops, from ``LOWEST`` up.

    bins: of the spectrum, from 0 to rate / 2, where the last triangle ends.
    """
    mels = hertz_to_mel(np.linspace(0, rate / 2, bins))[:, None]
    edges = np.linspace(hertz_to_mel(LOWEST), hertz_to_mel(rate / 2), bands + 2)
    low, top, high = edges[:-2], edges[1:-1], edges[2:]
    return np.asarray(np.maximum(0, np.minimum((mels - low) / (top - low), (high - mels) / (high - top))), np.float32)


@cache
def dct(size: int) -> Floats:
    """Return (size, size), the orthonormal DCT-II: column k has cos(pi * k * (2 n + 1) / (2 size))."""
    n, k = np.mgrid[:size, :size]
    scale = np.where(k == 0, math.sqrt(1 / size), math.sqrt(2 / size))
    return np.asarray(scale * np.cos(np.pi * k * (2 * n + 1) / (2 * size)), np.float32)


@cache
def hann(size: int) -> Floats:
    """Return the periodic Hann window."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size), np.float32)
