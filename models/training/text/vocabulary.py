"""Sentences as numbers: words in lower case, each the number of its line in a vocabulary. Plain Python and numpy.

A word is a run of letters and digits, with apostrophes inside; any other character that is no space is a word of its
own. The vocabulary's first line stands for the places behind a sentence's end, its second for words that it lacks.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import FileError, InputError

PADDING, UNKNOWN = 0, 1
RESERVED = ("<PAD>", "<UNKNOWN>")
"""The first two lines, as in the vocabularies of TensorFlow Lite's text classifiers."""

_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def words_of(sentence: str) -> list[str]:
    """Return the words of a sentence, in order: ``Don't go!`` gives ``don't``, ``go`` and ``!``."""
    return _WORD.findall(sentence.lower().replace("\u2019", "'"))


@dataclass(frozen=True)
class Vocabulary:
    """The words that a network knows.

    Attributes:
        words: by number; the first two are ``RESERVED``.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.words[:2] != RESERVED or len(set(self.words)) != len(self.words):
            raise InputError(
                f"a vocabulary must begin with the lines {' and '.join(RESERVED)} and hold each word once, "
                f"got {', '.join(self.words[:3])}"
            )

    def __len__(self) -> int:
        return len(self.words)

    def tokens(self, sentences: Sequence[str], length: int) -> NDArray[np.int32]:
        """Return (n, length) int32: the numbers of each sentence's first ``length`` words, ``PADDING`` behind them."""
        numbers = {word: number for number, word in enumerate(self.words)}
        found = np.full((len(sentences), length), PADDING, np.int32)
        for row, sentence in zip(found, sentences, strict=True):
            known = [numbers.get(word, UNKNOWN) for word in words_of(sentence)[:length]]
            row[: len(known)] = known
        return found

    def text(self) -> str:
        """Return the content of the vocabulary's file, a word a line."""
        return "".join(f"{word}\n" for word in self.words)


def build(sentences: Iterable[str], most: int) -> Vocabulary:
    """Return the ``most`` most frequent words of the sentences, ``RESERVED`` among them; ties in alphabetical order."""
    counts = Counter(word for sentence in sentences for word in words_of(sentence))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary((*RESERVED, *ordered[: max(0, most - len(RESERVED))]))


def read(path: Path) -> Vocabulary:
    """Return the vocabulary in a file. Raises FileError when it cannot be read, InputError when it is none."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"vocabulary {path} cannot be read: {error}") from error
    return Vocabulary(tuple(line for line in lines if line))


def as_json(vocabulary: Vocabulary, length: int, file: str) -> dict[str, Any]:
    """Return what a record says of a network's tokens."""
    return {
        "vocabulary": file,
        "words": len(vocabulary),
        "length": length,
        "padding": PADDING,
        "unknown": UNKNOWN,
        "lowercase": True,
    }
