"""Sentences with one class each: tokens of a vocabulary in, cross-entropy, accuracy."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from numpy.typing import NDArray

from edge.errors import InputError
from edge.models.training import batching
from edge.models.training.classification.answers import answers, figures
from edge.models.training.dataset_task import Plain
from edge.models.training.decode import Progress
from edge.models.training.record import TEXT
from edge.models.training.settings import Settings
from edge.models.training.text import vocabulary as words_in
from edge.models.training.text.sentences import Sentences, held_out, open_sentences
from edge.models.training.text.vocabulary import PADDING, UNKNOWN, Vocabulary

Tokens = NDArray[np.int32]

MOST_WORDS = 20_000


@dataclass(frozen=True)
class Text(Plain):
    """Sentences for the fit.

    Attributes:
        train: what is fitted.
        monitor: what each epoch reports on.
        report_on: what the final accuracy is taken on.
        labels: the classes.
        vocabulary: the words, by their numbers.
        length: of the network's input, in words.
        forget: share of the training words that are replaced by the unknown one, so that the network learns what an
            unknown word means.
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
        """Training sentences."""
        return len(self.train)

    def training_batches(self, settings: Settings, seed: int) -> Any:
        """(batch, length) int32 tokens and (batch, classes) float32 targets, endless."""
        classes = np.asarray(self.train.classes)

        def read(rows: NDArray[np.int64], step: int) -> tuple[Tokens, NDArray[np.float32]]:
            rng = np.random.default_rng((seed, int(step)))
            return forgotten(self.tokens[rows], self.forget, rng), self._targets(classes[rows])

        return batching.mapped(batching.shuffled(self.count, settings.batch, seed), read, self._samples)

    def monitor_batches(self, settings: Settings) -> Any:
        """The monitored sentences, in order."""
        order = batching.in_order(len(self.monitor), 2 * settings.batch)
        return batching.mapped(order, lambda rows: self._plain(self.monitor.subset(rows)), self._samples)

    def inputs(self, batch: int, most: int, seed: int) -> Iterator[Any]:
        """Yield a random choice of the training sentences in batches of tokens."""
        yield from (self.tokens[rows] for rows in batching.some_rows(self.count, batch, most, seed))

    def network_options(self) -> Mapping[str, Any]:
        """The classes and the size of the vocabulary."""
        return {"classes": len(self.labels), "vocabulary": len(self.vocabulary)}

    def files(self) -> Mapping[str, str]:
        """The vocabulary."""
        return {TEXT: self.vocabulary.text()}

    def loss(self, settings: Settings) -> Any:
        """Cross-entropy; a smoothed target has ``label_smoothing`` spread over all classes."""
        return keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)

    def metrics(self) -> list[Any]:
        """Top-1 accuracy, named ``accuracy``."""
        return [keras.metrics.CategoricalAccuracy("accuracy")]

    def report(self, model: Any, out: Path) -> Mapping[str, Any]:
        """Accuracy, 0 to 1, of all and by class."""
        tokens, targets = self._plain(self.report_on)
        batches = ((tokens[at : at + 256], targets[at : at + 256]) for at in range(0, len(tokens), 256))
        return figures(*answers(model, batches), self.labels)

    def facts(self) -> Mapping[str, Any]:
        """Counts, and how sentences become tokens."""
        return {
            "images": {"train": self.count, "report": len(self.report_on)},
            "corrupt": [],
            "text": words_in.as_json(self.vocabulary, self.length, TEXT),
            "forget": self.forget,
        }

    def _plain(self, sentences: Sentences) -> tuple[Tokens, NDArray[np.float32]]:
        tokens = self.vocabulary.tokens(sentences.texts, self.length)
        return tokens, self._targets(np.asarray(sentences.classes))

    def _targets(self, classes: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(np.eye(len(self.labels), dtype=np.float32)[classes])

    @property
    def _samples(self) -> tuple[Any, ...]:
        return (tf.int32, (None, self.length)), (tf.float32, (None, len(self.labels)))


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
    """Read sentences (``edge.models.training.text.sentences``) for a network of ``input_shape``, (length,).

    Args:
        root: a folder or a zip.
        input_shape: one number, the words of a sentence that the network sees.
        settings: of the run; ``holdout`` sets sentences apart for validation.
        progress: not called, because reading takes no time.
        vocabulary: the most words that are kept, the frequent ones; what is left becomes the unknown word.
        words: the vocabulary of a network that is trained on, instead of one of the training sentences.
        forget: see ``Text``.

    Raises:
        InputError: something does not fit.
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
    for name in ("cutout", "mixup"):
        if value := getattr(settings.augmentation, name):
            raise InputError(f"{name} is for images and must be 0 for sentences, got {value}")


def forgotten(tokens: Tokens, share: float, rng: np.random.Generator) -> Tokens:
    """Return a copy of the tokens with a random ``share`` of the words replaced by the unknown one."""
    chosen = (rng.random(tokens.shape) < share) & (tokens != PADDING)
    return np.where(chosen, np.int32(UNKNOWN), tokens)
