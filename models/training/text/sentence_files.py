"""Data sets of sentences: ``train.tsv`` and ``test.tsv``, or ``train/<class>.txt``, in a folder or a zip.

A line of a .tsv file is ``label<TAB>sentence``. A .txt file has the name of a class and holds one of its sentences in
each line. ``validation`` (or ``val``) may stand beside ``train`` and ``test``. When there is no test part, a fifth of
the training sentences is held out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError
from edge.models.training.folder import SPLITS, ImageFolder, file_names
from edge.models.training.hold_out import hold_out_rows

REPORTED = 0.2
"""The fraction of the training sentences that is held out when the data set has no test part."""


@dataclass(frozen=True)
class Sentences:
    """Sentences with one class each.

    Attributes:
        texts: the sentences as they stand in the files, without the end of the line.
        classes: the label index of each sentence.
    """

    texts: tuple[str, ...]
    classes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, rows: NDArray[np.int64]) -> "Sentences":
        """Return the sentences of ``rows``, (m,), in this order."""
        return Sentences(tuple(self.texts[r] for r in rows), tuple(self.classes[r] for r in rows))


@dataclass(frozen=True)
class SentenceSet:
    """A data set that was read.

    Attributes:
        labels: the class names, sorted.
        splits: the sentences of ``train`` and ``test``, and of ``validation`` if it exists.
    """

    labels: tuple[str, ...]
    splits: dict[str, Sentences]


def open_sentences(root: Path) -> SentenceSet:
    """Read a data set.

    Raises:
        FileError: the data set cannot be read.
        InputError: a line has no label or no sentence, there are fewer than two classes, or a class has no training
            sentence.
    """
    rows: dict[str, list[tuple[str, str]]] = {}
    parts = [(name, split) for name in file_names(root) if (split := _split_of(name))]
    contents = ImageFolder(root, (), {}).read(tuple(name for name, _ in parts))
    for (name, split), data in zip(parts, contents, strict=True):
        rows.setdefault(split, []).extend(_rows(root, name, data))
    if not rows.get("train"):
        raise InputError(
            f"data set {root} has no sentences to train on: expected train.tsv with label<TAB>sentence lines, or "
            "train/<class>.txt with a sentence a line, in a folder or a zip"
        )
    labels = _labels(root, rows)
    index = {label: number for number, label in enumerate(labels)}
    splits = {
        split: Sentences(tuple(text for _, text in part), tuple(index[label] for label, _ in part))
        for split, part in rows.items()
    }
    return SentenceSet(labels, _with_test(root, splits))


def _split_of(name: str) -> str | None:
    """Return the split that a file belongs to, or None for a file that holds no sentences."""
    path = PurePosixPath(name)
    if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        return None
    if path.suffix.lower() == ".tsv":
        return SPLITS.get(path.stem.lower())
    if path.suffix.lower() == ".txt":
        return next((SPLITS[part] for part in path.parts[:-1] if part in SPLITS), None)
    return None


def _rows(root: Path, name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the label and the sentence of each line that is not blank."""
    where, path = f"{root}: {name}", PurePosixPath(name)
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise FileError(f"{where} must be text in UTF-8: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t") if path.suffix.lower() == ".tsv" else (path.stem, "\t", line)
        if not tab or not label.strip() or not text.strip():
            raise InputError(f"{where}, line {number} must be a label, a tab and a sentence, got {line.strip()[:60]!r}")
        if not label.strip().isprintable():
            raise InputError(f"{where}, line {number}: a label must be printable, got {label.strip()[:60]!r}")
        yield label.strip(), text.strip()


def _labels(root: Path, rows: dict[str, list[tuple[str, str]]]) -> tuple[str, ...]:
    trained = sorted({label for label, _ in rows["train"]})
    if len(trained) < 2:
        raise InputError(f"data set {root} must have two classes or more to train on, got only {trained[0]!r}")
    for split, part in rows.items():
        for label, text in part:
            if label not in trained:
                raise InputError(
                    f"data set {root}: the class {label!r} of {split} ({text[:40]!r}) is not among those trained on: "
                    f"{', '.join(trained)}"
                )
    return tuple(trained)


def _with_test(root: Path, splits: dict[str, Sentences]) -> dict[str, Sentences]:
    if "test" in splits:
        return splits
    if "validation" in splits:
        return {**splits, "test": splits["validation"]}
    train = splits["train"]
    if len(train) < 2:
        raise InputError(f"data set {root} must have at least 2 sentences to hold one out, got {len(train)}")
    kept, apart = held_out(train, REPORTED, seed=0)
    return {**splits, "train": kept, "test": apart}


def held_out(sentences: Sentences, share: float, seed: int) -> tuple[Sentences, Sentences]:
    """Return the sentences that are kept and those that are set apart; see ``hold_out_rows``."""
    kept, apart = hold_out_rows(len(sentences), share, seed, "sentence")
    return sentences.subset(kept), sentences.subset(apart)
