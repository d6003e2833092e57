"""How well vectors tell who is who: recall at 1, and the accuracy of verification as Labeled Faces in the Wild has it.

Huang et al. 2007, http://vis-www.cs.umass.edu/lfw/lfw.pdf: pairs of pictures, half of them of one person; the
threshold is chosen on nine tenths of the pairs and judged on the last, ten times. Pure numpy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

FOLDS = 10


@dataclass(frozen=True)
class Verification:
    """What telling pairs apart by the cosine of their vectors gives.

    Attributes:
        accuracy: share of the pairs that are told right, 0 to 1.
        threshold: two pictures are of one person when their cosine is this or more; the mean over the folds.
    """

    accuracy: float
    threshold: float


def unit(vectors: Vectors) -> Vectors:
    """Return (n, size) vectors of length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def recall_at_1(vectors: Vectors, people: NDArray[np.int64]) -> float:
    """Return the share of the pictures whose nearest other one, by the cosine, is of the same person, 0 to 1.

    Pictures of people who have only one count as wrong.

    Args:
        vectors: (n, size), n at least 2.
        people: (n,) who is on each.
    """
    close = unit(vectors) @ unit(vectors).T
    np.fill_diagonal(close, -np.inf)
    return float(np.mean(people[close.argmax(axis=1)] == people))


def verification(vectors: Vectors, people: NDArray[np.int64], seed: int = 0) -> Verification:
    """Judge all pairs of one person and as many random pairs of two; without both kinds the accuracy is 0.

    Args:
        vectors: (n, size).
        people: (n,) who is on each.
        seed: of the choice of pairs.
    """
    first, second = np.triu_indices(len(people), k=1)
    same = people[first] == people[second]
    rng = np.random.default_rng(seed)
    count = min(int(same.sum()), int((~same).sum()))
    if count == 0:
        return Verification(0.0, 0.0)
    rows = np.concatenate([rng.permutation(np.flatnonzero(same == kind))[:count] for kind in (True, False)])
    rows = rng.permutation(rows)
    cosines = np.sum(unit(vectors)[first[rows]] * unit(vectors)[second[rows]], axis=1)
    return _in_folds(cosines, same[rows])


def _in_folds(cosines: NDArray[np.float32], same: NDArray[np.bool_]) -> Verification:
    folds = np.arange(len(same)) % min(FOLDS, len(same))
    right, thresholds = 0, []
    for fold in range(folds.max() + 1):
        apart = folds == fold
        threshold = best_threshold(cosines[~apart], same[~apart])
        right += int(np.sum((cosines[apart] >= threshold) == same[apart]))
        thresholds.append(threshold)
    return Verification(right / len(same), float(np.mean(thresholds)))


def best_threshold(cosines: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    """Return the cosine from which on pairs are best called the same: in the middle between two of the pairs'."""
    order = np.argsort(-cosines, kind="stable")
    ranked = cosines[order]
    # With the first k pairs called the same, as many are right as are the same in them and different behind them.
    right = np.concatenate([[0], np.cumsum(same[order])]) + np.concatenate([np.cumsum(~same[order][::-1])[::-1], [0]])
    k = int(right.argmax())
    if k in (0, len(ranked)):
        return float(ranked[0] + 1e-6) if k == 0 else float(ranked[-1])
    return float((ranked[k - 1] + ranked[k]) / 2)
