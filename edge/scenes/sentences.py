"""Generated sentences that praise or blame, for networks over words: negations turn what the adjective says."""

from pathlib import Path

import numpy as np

from edge.errors import InputError
from edge.files import replaced
from edge.scenes import writing

LABELS = ("negative", "positive")

SUBJECTS = ("the film", "the story", "the acting", "this camera", "the screen", "the battery", "our room", "the food")
VERBS = ("was", "is", "seems", "felt")
DEGREES = ("", "", "very", "really", "quite")
PRAISE = ("good", "great", "lovely", "clever", "bright", "fresh", "excellent")
BLAME = ("bad", "poor", "dull", "slow", "broken", "stale", "terrible")
ASIDES = ("", "i bought it in june", "we went there twice", "it rained that day", "my sister came along", "as i said")


def sentence(rng: np.random.Generator) -> tuple[str, str]:
    """Return a label and a sentence of lower-case words, such as ``negative, the film was not very good``."""
    good, negated = rng.random(2) < (0.5, 0.4)
    words = [
        _one(rng, SUBJECTS),
        _one(rng, VERBS),
        _one(rng, ("not", "never")) if negated else "",
        _one(rng, DEGREES),
        _one(rng, PRAISE if good else BLAME),
    ]
    parts = [" ".join(word for word in words if word), _one(rng, ASIDES)]
    order = parts if rng.random() < 0.5 else parts[::-1]
    return LABELS[int(good != negated)], " , ".join(part for part in order if part)


def _one(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def write_sentences(folder: Path, train: int = 2000, test: int = 400, seed: int = 0) -> None:
    """Write ``train.tsv`` and ``test.tsv``, ``label<TAB>sentence`` a line; no sentence is in both, or twice.

    Args:
        folder: where to write the set. A folder that exists is replaced.
        train: sentences to train on.
        test: sentences to report on.
        seed: another seed gives another set. The same arguments give the same bytes.

    Raises:
        InputError: a count is below 1, or the grammar has too few different sentences.
        FileError: the folder cannot be written.
    """
    writing.check("a generated set of sentences", train=train, test=test)
    lines = _different(np.random.default_rng(seed), train + test)
    with replaced(folder) as temporary:
        for name, part in (("train", lines[:train]), ("test", lines[train:])):
            writing.text(temporary / f"{name}.tsv", "".join(f"{label}\t{words}\n" for label, words in part))


def _different(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """Return ``count`` sentences with their labels, all different, in random order."""
    found: dict[str, str] = {}
    for _ in range(50 * count):
        label, words = sentence(rng)
        found.setdefault(words, label)
        if len(found) == count:
            return [(label, words) for words, label in found.items()]
    raise InputError(f"the grammar has fewer than {count} different sentences; ask for fewer")
