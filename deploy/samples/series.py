"""Sounds, sentences and clips, made into inputs as the training of the network made them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.samples.annotated import bgr
from edge.deploy.samples.base import VERIFICATION, Choice, Sample, Samples, Wanted, part, unlabelled
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
"""Of a sound that features are taken of where no record says it."""


def sound_files(path: Path) -> tuple[str, ...]:
    """Return the names of the .wav files of a folder or a zip; none of another file."""
    if path.is_file() and path.suffix != ".zip":
        return ()
    return tuple(name for name in file_names(path) if name.lower().endswith(".wav") and "__MACOSX" not in name)


def of_sounds(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return the sounds of a folder or a zip; in ``<label>_<speaker>_<index>.wav`` the label is the truth.

    Of a network whose record names the speakers that it was reported on, those are verified on, the others calibrated.
    """
    names = sound_files(path)
    parsed = _parsed(names) if wanted.classifies else None
    if parsed is None:
        classes = unlabelled(len(names))
    else:
        heard = _heard([speaker for _, speaker in parsed], wanted, splits)
        names, labels = tuple(names[row] for row in heard), [parsed[row][0] for row in heard]
        order = sorted(set(labels))
        classes = wanted.classes(order, path)[[order.index(label) for label in labels]]
    rows = choice(classes)
    chosen = tuple(names[row] for row in rows)
    truths = [None if parsed is None else int(classes[row]) for row in rows]
    hear = Hearing(wanted, path, chosen)
    return Samples(chosen, partial(_sounds, path, chosen, truths, hear, wanted.name), "sound", hear.notes)


def _parsed(names: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return label and speaker of each file; None unless all are called ``<label>_<speaker>_<index>.wav``."""
    parts = [PurePosixPath(name).stem.rsplit("_", 2) for name in names]
    return [(row[0], row[1]) for row in parts] if all(len(row) == 3 and all(row) for row in parts) else None


def _heard(speakers: Sequence[str], wanted: Wanted, splits: Sequence[str]) -> list[int]:
    """Return the rows of the speakers that the record has for verification or for training; all where it has none."""
    said = wanted.record.get("speakers", {}).get("report" if splits == VERIFICATION else "train", ())
    rows = [row for row, speaker in enumerate(speakers) if speaker in said]
    return rows or list(range(len(speakers)))


class Hearing:
    """Makes a network's input of a sound: its waveform, or features of it.

    Attributes:
        notes: what was assumed.
    """

    def __init__(self, wanted: Wanted, path: Path, names: Sequence[str]) -> None:
        """The rate is the record's, else that of the first sound. Raises FileError when none can be read."""
        shape, record = wanted.signature.inputs[0].shape[1:], wanted.record.get("sound")
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
        """Return the input, batch 1, of a .wav file; None when it cannot be read."""
        from edge.models.training.sound.speech_task import Speech  # it imports TensorFlow

        found = decode(data)
        if found is None:
            return None
        if found[1] != self._rate:
            raise InputError(f"{self._path}: {name} must have {self._rate} Hz, got {found[1]} Hz; resample it")
        speech = Speech((), (), (), (), self._rate, self._samples, self._features)
        return speech.prepared([centred(found[0], self._samples)])


def _sounds(
    path: Path, names: Sequence[str], truths: Sequence[int | None], hear: Hearing, entry: str
) -> Iterator[Sample | None]:
    for name, truth, data in zip(names, truths, ImageFolder(path, (), {}).read(tuple(names)), strict=True):
        made = hear(data, name)
        yield None if made is None else Sample(name, {entry: made}, None, truth)


def of_sentences(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return sentences as tokens of the vocabulary that lies beside the model.

    path: a folder or a zip as training reads it, or one file with ``label<TAB>sentence`` or a sentence a line.
    """
    words = vocabulary.read((wanted.folder or Path()) / TEXT)
    texts, classes = _texts(path, wanted, splits)
    rows = choice(unlabelled(len(texts)) if classes is None else classes)
    tokens = words.tokens([texts[row] for row in rows], wanted.signature.inputs[0].shape[1])
    truths = [None if classes is None or not wanted.classifies else int(classes[row]) for row in rows]
    ids = tuple(f"{path.name}[{row}]" for row in rows)

    def read() -> Iterator[Sample]:
        for name, row, truth in zip(ids, tokens, truths, strict=True):
            yield Sample(name, {wanted.name: row[None]}, None, truth)

    return Samples(ids, read, "sentence")


def _texts(path: Path, wanted: Wanted, splits: Sequence[str]) -> tuple[Sequence[str], NDArray[np.int64] | None]:
    """Return sentences and their classes, None for sentences without labels."""
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
        numbers = dict(zip(order, wanted.classes(order, path).tolist(), strict=True))
        return [text for _, text in pairs], np.asarray([numbers[label.strip()] for label, _ in pairs])
    data = open_sentences(path)
    chosen = part(data.splits, splits, path)
    return chosen.texts, wanted.classes(data.labels, path)[np.asarray(chosen.classes, np.int64)]


def of_clips(path: Path, wanted: Wanted, splits: Sequence[str], choice: Choice) -> Samples:
    """Return clips of ``<split>/<class>/<clip>``, a video or a folder of frames each, in the input's frames."""
    folder = open_clips(path)
    clips = part(folder.splits, splits, path)
    numbers = wanted.classes(folder.labels, path) if wanted.classifies else unlabelled(len(folder.labels))
    classes = numbers[[clip.label for clip in clips]]
    rows = choice(classes)
    truths = [int(classes[row]) if wanted.classifies else None for row in rows]
    chosen = [clips[row] for row in rows]
    return Samples(tuple(clip.name for clip in chosen), partial(_clips, folder, chosen, truths, wanted), "clip")


def _clips(
    folder: ClipFolder, clips: Sequence[Clip], truths: Sequence[int | None], wanted: Wanted
) -> Iterator[Sample | None]:
    entry = wanted.signature.inputs[0]
    _, count, height, width, channels = entry.shape
    prepare = frames_of(wanted)
    size, step = (count, height, width, channels), int(wanted.record.get("clip", {}).get("step", 0))
    for clip, truth, frames in zip(clips, truths, folder.read(clips, size, step), strict=True):
        yield None if frames is None else Sample(clip.name, {entry.name: prepare(frames)}, None, truth)


def frames_of(wanted: Wanted) -> Callable[[Any], Array]:
    """Return what makes a network's input of (frames, height, width, channels) uint8, RGB or grey."""
    entry = wanted.signature.inputs[0]
    if entry.format is None or len(entry.shape) != 5:
        raise InputError(
            f"clips become (1, frames, height, width, channels) of pixels, the network takes {entry.shape}"
        )
    spec = wanted.specs[entry.name]
    prepare = Preprocessor(replace(spec, shape=(1, *spec.shape[2:])), entry.format)
    return lambda frames: np.stack([real(prepare(bgr(frame)).tensor, spec)[0] for frame in frames])[None]
