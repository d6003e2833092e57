"""Masks as run lengths, in the uncompressed form of COCO: down the columns, beginning with a run of zeros."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a (height, width) mask as ``{"size": [height, width], "counts": [...]}``."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    if flat[0]:
        counts.insert(0, 0)
    return {"size": list(mask.shape), "counts": counts}


def decode(runs: dict[str, Any]) -> NDArray[np.bool_]:
    """Return the (height, width) mask of run lengths, which is the inverse of ``encode``."""
    height, width = runs["size"]
    values = np.arange(len(runs["counts"])) % 2 == 1
    return np.repeat(values, runs["counts"]).reshape(width, height).T
