"""Sound data sets: a folder or a zip of ``<label>_<speaker>_<index>.wav``, one word or sound a file."""

import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.folder import ImageFolder, file_names

Wave = NDArray[np.float32]

SAMPLE_TYPES: dict[int, tuple[str, int, int]] = {1: ("u1", 128, 128), 2: ("<i2", 0, 32768), 4: ("<i4", 0, 2**31)}
"""By bytes a sample: type, value of silence, largest distance from it."""


@dataclass(frozen=True, eq=False)
class Clip:
    """samples: (n,) float32, -1 to 1, one channel. label: an index."""

    name: str
    speaker: str
    label: int
    samples: Wave


@dataclass(frozen=True)
class SoundSet:
    """labels: sorted. rate: samples a second, of all clips. corrupt: names of files that were left out."""

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    rate: int
    corrupt: tuple[str, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Return who speaks, sorted."""
        return tuple(sorted({clip.speaker for clip in self.clips}))

    def of(self, speakers: Sequence[str]) -> tuple[Clip, ...]:
        """Return the clips of ``speakers``."""
        return tuple(clip for clip in self.clips if clip.speaker in speakers)


def open_sounds(root: Path, progress: Callable[[int, int], None] | None = None) -> SoundSet:
    """Read all sounds into memory.

    Raises FileError when the data set cannot be read, InputError for names that do not fit, sounds of different
    rates, or none that can be read.
    """
    names = [name for name in file_names(root) if _is_sound(name)]
    if not names:
        raise InputError(f"data set {root} has no sounds: expected <label>_<speaker>_<index>.wav, in a folder or a zip")
    parsed = [_parse(root, name) for name in names]
    labels = tuple(sorted({label for label, _ in parsed}))
    clips, corrupt = [], []
    rates: dict[int, str] = {}
    for done, (name, data) in enumerate(zip(names, ImageFolder(root, (), {}).read(tuple(names)), strict=True), start=1):
        label, speaker = parsed[done - 1]
        if (decoded := decode(data)) is None:
            corrupt.append(name)
        else:
            samples, rate = decoded
            rates.setdefault(rate, name)
            clips.append(Clip(name, speaker, labels.index(label), samples))
        if progress and (done % 500 == 0 or done == len(names)):
            progress(done, len(names))
    if not clips:
        raise FileError(f"data set {root}: none of the {len(names)} sounds can be read; expected PCM in .wav files")
    if len(rates) > 1:
        (one, first), (other, second), *_ = rates.items()
        raise InputError(
            f"data set {root}: all sounds must have one rate, got {one} Hz in {first} and {other} Hz in {second}"
        )
    return SoundSet(tuple(clips), labels, next(iter(rates)), tuple(corrupt))


def _is_sound(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() == ".wav" and not hidden


def _parse(root: Path, name: str) -> tuple[str, str]:
    """Return label and speaker; the label may hold underscores."""
    parts = PurePosixPath(name).stem.rsplit("_", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(f"data set {root}: sounds must be named <label>_<speaker>_<index>.wav, got {name}")
    return parts[0], parts[1]


def decode(data: bytes) -> tuple[Wave, int] | None:
    """Return ((n,) float32 samples, -1 to 1, rate) of a .wav file; channels are averaged. None when it is none."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError):
        return None
    if width not in SAMPLE_TYPES or not frames or len(frames) % (width * channels):
        return None
    kind, silence, most = SAMPLE_TYPES[width]
    values = (np.frombuffer(frames, np.dtype(kind)).astype(np.float32) - silence) / most
    return values.reshape(-1, channels).mean(1), rate


def centred(samples: Wave, length: int, shift: int = 0) -> Wave:
    """Return ``length`` samples with the middle of ``samples`` in theirs, ``shift`` samples later; zeros around it."""
    out = np.zeros(length, np.float32)
    start = (length - len(samples)) // 2 + shift
    first, last = max(0, start), min(length, start + len(samples))
    if first < last:
        out[first:last] = samples[first - start : last - start]
    return out
