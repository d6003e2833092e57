"""Data sets of sounds: files ``<label>_<speaker>_<index>.wav`` in a folder or a zip, with one word or sound each."""

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
"""The samples of a sound, (n,) float32 from -1 to 1, of one channel."""

SAMPLE_TYPES: dict[int, tuple[str, int, int]] = {1: ("u1", 128, 128), 2: ("<i2", 0, 32768), 4: ("<i4", 0, 2**31)}
"""By the bytes of a sample: its dtype, the value of silence, and the largest distance from that value."""


@dataclass(frozen=True, eq=False)
class Clip:
    """One sound of a data set.

    Attributes:
        name: the path of the file in the data set.
        speaker: the name of the speaker.
        label: the label index.
        samples: (n,) float32 from -1 to 1, of one channel.
    """

    name: str
    speaker: str
    label: int
    samples: Wave


@dataclass(frozen=True)
class SoundSet:
    """A data set that was read.

    Attributes:
        clips: the sounds.
        labels: the class names, sorted.
        rate: samples per second of all sounds.
        corrupt: the names of the files that cannot be read and were left out.
    """

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    rate: int
    corrupt: tuple[str, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Return the names of the speakers, sorted."""
        return tuple(sorted({clip.speaker for clip in self.clips}))

    def of(self, speakers: Sequence[str]) -> tuple[Clip, ...]:
        """Return the sounds of these speakers."""
        return tuple(clip for clip in self.clips if clip.speaker in speakers)


def open_sounds(root: Path, progress: Callable[[int, int], None] | None = None) -> SoundSet:
    """Read all sounds of a data set into memory.

    Args:
        root: a folder or a zip.
        progress: called with the number of sounds that were read and of all sounds.

    Raises:
        FileError: the data set cannot be read, or none of its sounds can.
        InputError: there are no sounds, a name does not fit, or the sounds have different rates.
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
    """Return the label and the speaker of a file. The label may contain underscores."""
    parts = PurePosixPath(name).stem.rsplit("_", 2)
    if len(parts) != 3 or not all(parts):
        raise InputError(f"data set {root}: sounds must be named <label>_<speaker>_<index>.wav, got {name}")
    return parts[0], parts[1]


def decode(data: bytes) -> tuple[Wave, int] | None:
    """Return the samples of a .wav file and its rate, or None when it is not a PCM file of 8, 16 or 32 bits.

    Channels are averaged. The samples are (n,) float32 from -1 to 1, and the rate is in samples per second.
    """
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
    """Return a sound cut or padded with zeros to ``length`` samples, (length,) float32.

    Args:
        samples: (n,) float32.
        length: number of samples of the result.
        shift: number of samples by which the middle of the sound comes after the middle of the result.
    """
    out = np.zeros(length, np.float32)
    start = (length - len(samples)) // 2 + shift
    first, last = max(0, start), min(length, start + len(samples))
    if first < last:
        out[first:last] = samples[first - start : last - start]
    return out
