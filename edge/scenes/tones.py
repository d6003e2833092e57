"""Generated sounds of one second whose class is how their pitch moves, sung by voices of different pitch and colour."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.scenes import writing

LABELS = ("fall", "rise", "steady", "trill")
RATE = 8000
"""Samples a second."""

Wave = NDArray[np.float32]


def tone(rng: np.random.Generator, label: str, pitch: float, colour: NDArray[np.float64]) -> Wave:
    """Return one second of ``label``, (8000,) float32, -1 to 1.

    Args:
        rng: for length, place, loudness and noise.
        label: of ``LABELS``.
        pitch: of the voice, in hertz.
        colour: (harmonics,) the amplitude of each.
    """
    length = int(RATE * rng.uniform(0.5, 0.8))
    t = np.arange(length) / length
    start = pitch * 2 ** rng.uniform(-0.2, 0.2)
    octaves = {"fall": -0.8 * t, "rise": 0.8 * t, "steady": 0 * t, "trill": 0.25 * np.sign(np.sin(2 * np.pi * 6 * t))}
    phase = 2 * np.pi * np.cumsum(start * 2 ** octaves[label]) / RATE
    sound = sum(a * np.sin((k + 1) * phase) for k, a in enumerate(colour)) * np.hanning(length)
    out = rng.normal(0, 0.01, RATE)
    at = int(rng.integers(RATE - length + 1))
    out[at : at + length] += rng.uniform(0.3, 0.8) * sound / np.abs(sound).max()
    return np.clip(out, -1, 1).astype(np.float32)


def write_sounds(folder: Path, voices: int = 6, each: int = 20, seed: int = 0) -> None:
    """Write ``<label>_<voice>_<index>.wav``, 16 bits, 8 kHz; the folder is complete or absent.

    Args:
        folder: where to write the set. A folder that exists is replaced.
        voices: who sings; the last in alphabetical order is the one to report on.
        each: sounds of each class and voice.
        seed: another seed gives another set. The same arguments give the same bytes.

    Raises:
        InputError: there are fewer than 2 voices, or no sound of each.
        FileError: the folder cannot be written.
    """
    writing.check("a generated set of sounds", voices=voices - 1, each=each)
    rng = np.random.default_rng(seed)
    with replaced(folder) as temporary:
        temporary.mkdir()
        for voice in range(voices):
            pitch, colour = 220 * 2 ** rng.uniform(0, 1.2), rng.uniform(0.1, 1, 4) / (1 + np.arange(4))
            for label in LABELS:
                for index in range(each):
                    path = temporary / f"{label}_voice{voice:02d}_{index}.wav"
                    _write(path, tone(rng, label, pitch, colour))


def _write(path: Path, samples: Wave) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
