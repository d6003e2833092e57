"""``speech_samples`` computes the features of MLPerf Tiny's keyword spotting from sounds at another rate."""

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.deploy._tensorflow import need
from edge.deploy.samples import Choice, Sample, Samples
from edge.deploy.samples.base import unlabelled
from edge.deploy.samples.series import sound_files
from edge.models.training.sound.sound_folder import centred, decode

RATE, WINDOW, HOP = 16_000, 480, 320
"""Samples per second, and of one frame and from one frame to the next."""
BANDS, LOWEST, HIGHEST, COEFFICIENTS = 40, 20.0, 4_000.0, 10
FLOOR = 1e-6


def speech_samples(path: Path, name: str, choice: Choice) -> Samples:
    """Return sounds of one second as mel-frequency cepstral coefficients, (1, 49, 10, 1) float32.

    Args:
        path: a zip of .wav files. Its words are not those of the network, so there are no truths.
        name: the name of the network's input.
        choice: chooses sounds.
    """
    files = sound_files(path)
    chosen = tuple(files[row] for row in choice(unlabelled(len(files))))
    return Samples(chosen, partial(_read, path, chosen, name), "sound")


def _read(path: Path, chosen: tuple[str, ...], name: str) -> Iterator[Sample | None]:
    with zipfile.ZipFile(path) as archive:
        for file in chosen:
            sound = decode(archive.read(file))
            yield None if sound is None else Sample(file, {name: _features(*sound)})


def _features(wave: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the features of a sound, whose largest value becomes 1.

    Source: mlcommons/tiny, benchmark/training/keyword_spotting/get_dataset.py, for ``feature_type`` ``mfcc``.
    """
    tf = need("tensorflow")
    times = np.arange(int(len(wave) * RATE / rate)) * rate / RATE
    clip = centred(np.interp(times, np.arange(len(wave)), wave).astype(np.float32), RATE)
    spectrum = tf.abs(tf.signal.stft(clip / max(float(clip.max()), FLOOR), WINDOW, HOP))
    weights = tf.signal.linear_to_mel_weight_matrix(BANDS, spectrum.shape[-1], RATE, LOWEST, HIGHEST)
    logs = tf.math.log(tf.matmul(spectrum, weights) + FLOOR)
    found = tf.signal.mfccs_from_log_mel_spectrograms(logs)[:, :COEFFICIENTS]
    return np.asarray(found, np.float32)[None, :, :, None]
