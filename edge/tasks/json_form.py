"""Parts of the JSON form that several tasks share. ``docs/results-format.md`` describes them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edge import tasks
from edge.results import Mask, Point, Pose, Prediction, Result, rounded
from edge.tensors import Array

MOST_VALUES = 256
"""The most values of a tensor that are listed. A larger tensor is described by ``FIGURES``."""

FIGURES = ("min", "max", "mean", "std")


def predictions(found: Iterable[Prediction]) -> list[dict[str, Any]]:
    """Return classes or objects with all their known fields."""
    return [_prediction(one) for one in found]


def box(corners: Sequence[float]) -> list[float | None]:
    """Return x0, y0, x1, y1, rounded to a tenth of a pixel."""
    return [rounded(value, 1) for value in corners]


def points(found: Iterable[Point]) -> list[list[float | None]]:
    """Return x, y, rounded to a tenth of a pixel, and the score of each point."""
    return [[rounded(x, 1), rounded(y, 1), rounded(score, 4)] for x, y, score in found]


def nested(result: Result) -> dict[str, Any]:
    """Return the task's part of a nested result, and why there is none."""
    fault = {"fault": result.fault} if result.fault else {}
    return {"task": result.task, **fault, **tasks.load(result.task).as_json(result)}


def _prediction(one: Prediction) -> dict[str, Any]:
    out: dict[str, Any] = {"label": one.label, "index": one.index, "score": rounded(one.score, 4)}
    if one.box is not None:
        out["box"] = box(one.box)
    if one.id is not None:
        out["id"] = one.id
    if one.points:
        out["points"] = points(one.points)
    if one.nested is not None:
        out["nested"] = nested(one.nested)
    return out


def mask(found: Mask) -> dict[str, Any]:
    """Return the size, the classes that occur, and the runs of equal pixels by rows from the top left.

    A run has the class number, which is null outside the network's input, and the number of pixels.
    """
    height, width = found.classes.shape
    counts = np.bincount(found.classes.ravel(), minlength=len(found.labels))[: len(found.labels)]
    classes = [
        {"index": index, "label": found.labels[index], "share": number(float(counts[index] / found.classes.size))}
        for index in np.flatnonzero(counts).tolist()
    ]
    return {"width": width, "height": height, "classes": classes, "runs": _runs(found)}


def _runs(found: Mask) -> list[list[int | None]]:
    flat = found.classes.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.concatenate([starts, [flat.size]])).tolist()
    return [
        [None if value == found.unknown else value, length]
        for value, length in zip(flat[starts].tolist(), lengths, strict=True)
    ]


def tensor(values: Array) -> dict[str, Any]:
    """Return shape, dtype and up to ``MOST_VALUES`` values in C order, or figures that describe more values."""
    out: dict[str, Any] = {"shape": list(values.shape), "dtype": values.dtype.name}
    if values.size <= MOST_VALUES:
        return {**out, "values": numbers(values)}
    with np.errstate(all="ignore"):  # figures of non-finite values are not finite either
        known = (values.min(), values.max(), values.mean(dtype=float), values.std(dtype=float))
    return {**out, **{name: number(value.item()) for name, value in zip(FIGURES, known, strict=True)}}


def numbers(values: Array) -> list[Any]:
    """Return an array's values in C order."""
    return [number(value) for value in values.ravel().tolist()]


def number(value: Any) -> Any:
    """Return a JSON number with six significant digits. Integers are not rounded, and non-finite values are None."""
    if isinstance(value, bool | int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None


def pose(found: Pose) -> dict[str, Any]:
    """Return score, part and box, as far as they exist, and each point by its name."""
    out: dict[str, Any] = {"score": rounded(found.score, 4)}
    if found.part:
        out["part"] = found.part
    if found.box is not None:
        out["box"] = box(found.box)
    if found.id is not None:
        out["id"] = found.id
    return {**out, "points": dict(zip(found.names, points(found.points), strict=True))}
