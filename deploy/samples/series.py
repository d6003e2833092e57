"""Sounds, sentences and clips become samples; they are preprocessed as in the training of the network."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.samples.annotated import bgr
from edge.deploy.samples.base import VERIFICATION, Choice, NetworkInfo, Sample, Samples, part, unlabelled
from edge.deploy.samples.pictures import real
from edge.errors import FileError, InputError
from edge.imaging import Preprocessor
from edge.models.training.clips.clip_folder import Clip, ClipFolder, open_clips
from edge.models.training.folder import ImageFolder, file_names
from edge.models.training.sound.mel import KINDS, Features
from edge.models.training.sound.sound_folder import centred, decode
from edge.models.training.text import vocabulary
from edge.models.training.text.sentence_files import open_sentences
from edge.models.training.training_record import TEXT
from edge.tensors import Array

SECONDS = 1.0
"""Length of the sound from which features are computed, when no training record states it."""


def sound_files(path: Path) -> tuple[str, ...]:
    """Return the names of the .wav files in a folder or a zip. Any other file has none."""
    if path.is_file() and path.suffix != ".zip":
        return ()
    return tuple(name for name in file_names(path) if name.lower().endswith(".wav") and "__MACOSX" not in name)


def sound_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the sounds of a folder or a zip.

    The label in ``<label>_<speaker>_<index>.wav`` is a classifier's truth. When the training record names its speakers,
    verification uses those that training held out, and calibration uses the others.

    Args:
        path: the folder or zip.
        network: the network that the samples are for.
        splits: CALIBRATION or VERIFICATION.
        choice: chooses sounds by their classes.

    Raises:
        InputError: a label is not one of the network's, or the network takes no sounds.
        FileError: no sound can be read.
    """
    names = sound_files(path)
    parsed = _parsed(names) if network.classifies else None
    order: list[str] = []
    if parsed is None:
        classes = unlabelled(len(names))
    else:
        chosen_rows = _rows_of_speakers([speaker for _, speaker in parsed], network, splits)
        names, labels = tuple(names[row] for row in chosen_rows), [parsed[row][0] for row in chosen_rows]
        order = sorted(set(labels))
        classes = network.classes(order, path)[[order.index(label) for label in labels]]
    rows = choice(classes)
    chosen = tuple(names[row] for row in rows)
    truths = [None if parsed is None else int(classes[row]) for row in rows]
    prepare = SoundPreprocessor(network, path, chosen)
    read = partial(_sounds, path, chosen, truths, prepare, network.name)
    return Samples(chosen, read, "sound", prepare.notes, tuple(order))


def _parsed(names: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return label and speaker of each file, or None unless all names are ``<label>_<speaker>_<index>.wav``."""
    parts = [PurePosixPath(name).stem.rsplit("_", 2) for name in names]
    return [(row[0], row[1]) for row in parts] if all(len(row) == 3 and all(row) for row in parts) else None


def _rows_of_speakers(speakers: Sequence[str], network: NetworkInfo, splits: Sequence[str]) -> list[int]:
    """Return the rows of the record's speakers for verification or for training, or all rows without such a record."""
    wanted = network.record.get("speakers", {}).get("report" if splits == VERIFICATION else "train", ())
    rows = [row for row, speaker in enumerate(speakers) if speaker in wanted]
    return rows or list(range(len(speakers)))


class SoundPreprocessor:
    """Turns a sound into the network's input: its waveform, or features computed from it.

    Attributes:
        notes: lines for the user that say what was assumed.
    """

    def __init__(self, network: NetworkInfo, path: Path, names: Sequence[str]) -> None:
        """Prepare for one network.

        Args:
            network: the network. Its training record states the sample rate; otherwise the first sound does.
            path: the folder or zip of the sounds.
            names: the names of the sounds in it.

        Raises:
            InputError: the network's input is no sound.
            FileError: no sound can be read.
        """
        shape, record = network.signature.inputs[0].shape[1:], network.record.get("sound")
        if len(shape) not in (2, 3) or shape[-1] != 1:
            raise InputError(f"sounds become (1, samples, 1) or (1, frames, bins, 1), the network takes {(1, *shape)}")
        self.notes: tuple[str, ...] = ()
        if record is None:
            rate = next(
                (found[1] for data in ImageFolder(path, (), {}).read(tuple(names)) if (found := decode(data))), 0
            )
            if not rate:
                raise FileError(f"data set {path}: none of its {len(names)} sounds can be read; expected PCM in .wav")
            record = {"rate": rate, "samples": round(SECONDS * rate), "kind": KINDS[0]}
            if len(shape) == 3:
                self.notes = (f"assumed {KINDS[0]} features of {SECONDS:g} s at {rate} Hz: no training record says",)
        self._path, self._rate = path, int(record["rate"])
        self._samples = shape[0] if len(shape) == 2 else int(record["samples"])
        self._features: Features | None = None
        if len(shape) == 3:
            self._features = Features(shape[0], shape[1], self._rate, self._samples, record["kind"])

    def __call__(self, data: bytes, name: str) -> NDArray[np.float32] | None:
        """Return the network's input for one sound.

        Args:
            data: the bytes of a .wav file.
            name: the file's name, for messages.

        Returns:
            (1, samples, 1) float32 or (1, frames, bins, 1) float32, or None when the file cannot be read.

        Raises:
            InputError: the sound has another sample rate than the network.
        """
        from edge.models.training.sound.speech_task import Speech  # imports TensorFlow

        found = decode(data)
        if found is None:
            return None
        if found[1] != self._rate:
            raise InputError(f"{self._path}: {name} must have {self._rate} Hz, got {found[1]} Hz; resample it")
        speech = Speech((), (), (), (), self._rate, self._samples, self._features)
        return speech.prepared([centred(found[0], self._samples)])


def _sounds(
    path: Path, names: Sequence[str], truths: Sequence[int | None], prepare: SoundPreprocessor, entry: str
) -> Iterator[Sample | None]:
    for name, truth, data in zip(names, truths, ImageFolder(path, (), {}).read(tuple(names)), strict=True):
        array = prepare(data, name)
        yield None if array is None else Sample(name, {entry: array}, None, truth)


def sentence_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return sentences as tokens of the vocabulary beside the model.

    Args:
        path: a folder or zip as for training, or a text file with ``label<TAB>sentence`` or a sentence on each line.
        network: the network that the samples are for. Its folder holds the vocabulary.
        splits: the parts of the data set to look for, in order of preference.
        choice: chooses sentences by their classes.

    Raises:
        FileError: a file cannot be read.
        InputError: there are no sentences, or a label is not one of the network's.
    """
    words = vocabulary.read((network.folder or Path()) / TEXT)
    texts, classes = _texts(path, network, splits)
    rows = choice(unlabelled(len(texts)) if classes is None else classes)
    tokens = words.tokens([texts[row] for row in rows], network.signature.inputs[0].shape[1])
    truths = [None if classes is None or not network.classifies else int(classes[row]) for row in rows]
    ids = tuple(f"{path.name}[{row}]" for row in rows)

    def read() -> Iterator[Sample]:
        for name, row, truth in zip(ids, tokens, truths, strict=True):
            yield Sample(name, {network.name: row[None]}, None, truth)

    return Samples(ids, read, "sentence")


def _texts(path: Path, network: NetworkInfo, splits: Sequence[str]) -> tuple[Sequence[str], NDArray[np.int64] | None]:
    """Return the sentences and their classes; the classes are None for sentences without labels."""
    if path.is_file() and path.suffix != ".zip":
        try:
            lines = [line for line in path.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"{path} must be text in UTF-8: {error}") from error
        if not lines:
            raise InputError(f"{path} has no sentences: expected one a line, or label<TAB>sentence")
        if not all("\t" in line for line in lines):
            return lines, None
        pairs = [line.split("\t", 1) for line in lines]
        order = sorted({label.strip() for label, _ in pairs})
        numbers = dict(zip(order, network.classes(order, path).tolist(), strict=True))
        return [text for _, text in pairs], np.asarray([numbers[label.strip()] for label, _ in pairs])
    data = open_sentences(path)
    chosen = part(data.splits, splits, path)
    return chosen.texts, network.classes(data.labels, path)[np.asarray(chosen.classes, np.int64)]


def clip_samples(path: Path, network: NetworkInfo, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the clips ``<split>/<class>/<clip>``, each a video or a folder of frames.

    Args:
        path: the folder of the data set.
        network: the network that the samples are for. Its input states the number and size of the frames.
        splits: the parts of the data set to look for, in order of preference.
        choice: chooses clips by their classes.

    Raises:
        InputError: the data set has none of the parts, or other classes than the network.
    """
    folder = open_clips(path)
    clips = part(folder.splits, splits, path)
    numbers = network.classes(folder.labels, path) if network.classifies else unlabelled(len(folder.labels))
    classes = numbers[[clip.label for clip in clips]]
    rows = choice(classes)
    truths = [int(classes[row]) if network.classifies else None for row in rows]
    chosen = [clips[row] for row in rows]
    read = partial(_clips, folder, chosen, truths, network)
    return Samples(tuple(clip.name for clip in chosen), read, "clip", classes=folder.labels)


def _clips(
    folder: ClipFolder, clips: Sequence[Clip], truths: Sequence[int | None], network: NetworkInfo
) -> Iterator[Sample | None]:
    entry = network.signature.inputs[0]
    _, count, height, width, channels = entry.shape
    prepare = frames_of(network)
    size, step = (count, height, width, channels), int(network.record.get("clip", {}).get("step", 0))
    for clip, truth, frames in zip(clips, truths, folder.read(clips, size, step), strict=True):
        yield None if frames is None else Sample(clip.name, {entry.name: prepare(frames)}, None, truth)


def frames_of(network: NetworkInfo) -> Callable[[Any], Array]:
    """Return a function that makes a network's input of the frames of a clip.

    The function takes (frames, height, width, channels) uint8, RGB or grey, and returns (1, frames, height, width,
    channels) float32 real values.

    Args:
        network: the network.

    Raises:
        InputError: the network does not take clips of pixels.
    """
    entry = network.signature.inputs[0]
    if entry.format is None or len(entry.shape) != 5:
        raise InputError(
            f"clips become (1, frames, height, width, channels) of pixels, the network takes {entry.shape}"
        )
    spec = network.specs[entry.name]
    prepare = Preprocessor(replace(spec, shape=(1, *spec.shape[2:])), entry.format)
    return lambda frames: np.stack([real(prepare(bgr(frame)).tensor, spec)[0] for frame in frames])[None]
