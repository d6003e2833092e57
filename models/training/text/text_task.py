"""The dataset task of sentences with one class each: tokens of a vocabulary, cross-entropy and top-1 accuracy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.single_label import SingleLabelTask, accuracy_figures, predict_classes
from edge.models.training.decode import Progress
from edge.models.training.reader_checks import check_no_cutout_or_mixup
from edge.models.training.settings import Settings
from edge.models.training.text import vocabulary as words_in
from edge.models.training.text.sentence_files import Sentences, held_out, open_sentences
from edge.models.training.text.vocabulary import PADDING, UNKNOWN, Vocabulary
from edge.models.training.training_record import TEXT

Tokens = NDArray[np.int32]

MOST_WORDS = 20_000


@dataclass(frozen=True)
class Text(SingleLabelTask):
    """Sentences with one class each.

    Attributes:
        train: the sentences that the network is fitted to.
        monitor: the sentences that each epoch is evaluated on.
        report_on: the sentences that the final accuracy is measured on.
        labels: the class names.
        vocabulary: the words that have a token.
        length: number of tokens of the network's input.
        forget: fraction of the training words that become the unknown word, so that the network learns what it means.
        metric: the metric that says how good an epoch is.
        tokens: (n, length) int32 tokens of the training sentences.
    """

    train: Sentences
    monitor: Sentences
    report_on: Sentences
    labels: tuple[str, ...]
    vocabulary: Vocabulary
    length: int
    forget: float = 0.02
    metric: str = "accuracy"
    tokens: Tokens = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", self.vocabulary.tokens(self.train.texts, self.length))

    @property
    def count(self) -> int:
        """The number of training sentences."""
        return len(self.train)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """Return an endless dataset: (batch, length) int32 tokens and (batch, classes) float32 targets."""
        classes = np.asarray(self.train.classes)

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tokens, NDArray[np.float32]]:
            return replace_by_unknown(self.tokens[rows], self.forget, rng), self.one_hot(classes[rows])

        return batching.augmented_batches(
            self.count, settings.batch, seed, read, self.batch_types((self.length,), tf.int32)
        )

    def monitor_batches(self, settings: Settings) -> Any:
        """Return the monitored sentences in order, with all of their words."""
        order = batching.in_order(len(self.monitor), 2 * settings.batch)
        return batching.mapped(
            order, lambda rows: self._plain(self.monitor.subset(rows)), self.batch_types((self.length,), tf.int32)
        )

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield batches of tokens of a random choice of the training sentences."""
        yield from (self.tokens[rows] for rows in batching.some_rows(self.count, batch, most, seed))

    def network_options(self) -> Mapping[str, Any]:
        """Return the numbers of classes and of words."""
        return {"classes": len(self.labels), "vocabulary": len(self.vocabulary)}

    def files(self) -> Mapping[str, str]:
        """Return the file of the vocabulary."""
        return {TEXT: self.vocabulary.text()}

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Return the accuracy, from 0 to 1, over all sentences and by class."""
        tokens, targets = self._plain(self.report_on)
        batches = ((tokens[at : at + 256], targets[at : at + 256]) for at in range(0, len(tokens), 256))
        return accuracy_figures(*predict_classes(model, batches), self.labels)

    def facts(self) -> Mapping[str, Any]:
        """Return the numbers of sentences, and how sentences become tokens."""
        return {
            "images": {"train": self.count, "report": len(self.report_on)},
            "corrupt": [],
            "text": words_in.as_json(self.vocabulary, self.length, TEXT),
            "forget": self.forget,
        }

    def _plain(self, sentences: Sentences) -> tuple[Tokens, NDArray[np.float32]]:
        tokens = self.vocabulary.tokens(sentences.texts, self.length)
        return tokens, self.one_hot(np.asarray(sentences.classes))


def load(
    root: Path,
    input_shape: tuple[int, ...],
    settings: Settings,
    progress: Progress | None = None,
    *,
    vocabulary: int = MOST_WORDS,
    words: Sequence[str] = (),
    forget: float = 0.02,
) -> Text:
    """Read a data set of sentences; see ``edge.models.training.text.sentence_files``.

    Args:
        root: a folder or a zip.
        input_shape: (length,), the number of tokens of the network's input.
        settings: the settings of the run. ``holdout`` sets training sentences apart for validation.
        progress: not called, because reading takes no time.
        vocabulary: the largest size of the vocabulary. The most frequent words are kept; others are the unknown word.
        words: the vocabulary of an existing network; by default it is made from the training sentences.
        forget: see ``Text``.

    Raises:
        InputError: an argument or the data set does not fit.
        FileError: the data set cannot be read.
    """
    _check(input_shape, settings, vocabulary, forget)
    data = open_sentences(root)
    train, report = data.splits["train"], data.splits["test"]
    monitor = data.splits.get("validation", report)
    if settings.holdout and "validation" not in data.splits:
        train, monitor = held_out(train, settings.holdout, settings.seed)
    known = Vocabulary(tuple(words)) if words else words_in.build(train.texts, vocabulary)
    return Text(train, monitor, report, data.labels, known, input_shape[0], forget)


def _check(input_shape: tuple[int, ...], settings: Settings, vocabulary: Any, forget: Any) -> None:
    if len(input_shape) != 1:
        raise InputError(f"sentences have the shape (words,), got input_shape {input_shape}")
    if not isinstance(vocabulary, int) or vocabulary < 3:
        raise InputError(f"vocabulary must be a whole number of at least 3, got {vocabulary!r}")
    if not (isinstance(forget, (int, float)) and 0 <= forget < 1):
        raise InputError(f"forget must be from 0 to below 1, got {forget!r}")
    check_no_cutout_or_mixup(settings.augmentation, "sentences")


def replace_by_unknown(tokens: Tokens, share: float, rng: np.random.Generator) -> Tokens:
    """Return a copy of the tokens in which some words, but no padding, are the unknown word.

    Args:
        tokens: (n, length) int32.
        share: the fraction of the words that are replaced.
        rng: the random generator.
    """
    chosen = (rng.random(tokens.shape) < share) & (tokens != PADDING)
    return np.where(chosen, np.int32(UNKNOWN), tokens)
