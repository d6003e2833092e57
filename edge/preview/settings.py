"""Settings as JSON: ``as_json`` for the page, and ``changes`` from what a browser or program sent.

{"score_threshold": 0.4, "labels": ["cat"], "shapes": {"cam": [{"kind": "zone", "name": "door", "points": […]}]}}
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from edge.camera.toml_text import dumps
from edge.control import EVERY_SOURCE, Settings, Shape
from edge.errors import InputError, unknown_name
from edge.options import build
from edge.places import Line, Zone

KINDS: dict[str, type[Line] | type[Zone]] = {"line": Line, "zone": Zone}
NAMES = ("score_threshold", "labels", "shapes")
MAX_SHAPES = 64
"""The most lines and zones of a source."""


def as_json(settings: Settings) -> dict[str, Any]:
    """Return the JSON object of settings."""
    return {
        "score_threshold": settings.score_threshold,
        "labels": None if settings.labels is None else sorted(settings.labels),
        "shapes": {source: [_shape_json(shape) for shape in settings.shapes[source]] for source in settings.shapes},
    }


def as_toml(settings: Settings) -> str:
    """Return the lines and zones as ``camera.toml`` has them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for source, shapes in settings.shapes.items():
        for shape in shapes:
            row = _shape_json(shape)
            kind = row.pop("kind")
            stated = {name: value for name, value in {**row, "source": source}.items() if value}
            rows.setdefault(kind, []).append(stated)
    return dumps(rows)


def changes(body: bytes, sources: Collection[str]) -> dict[str, Any]:
    """Return the changes for ``Control.change`` that a JSON object states. What it leaves out is not changed.

    Args:
        body: the JSON text.
        sources: the names of the sources.

    Raises:
        InputError: the text is no such object, or a value is not allowed.
    """
    found = _object(body)
    if unknown := [name for name in found if name not in NAMES]:
        raise unknown_name("setting", unknown[0][:64], NAMES)
    given: dict[str, Any] = {}
    if "score_threshold" in found:
        given["score_threshold"] = _threshold(found["score_threshold"])
    if "labels" in found:
        given["labels"] = _labels(found["labels"])
    if "shapes" in found:
        given["shapes"] = _shapes(found["shapes"], sources)
    return given


def merged(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes in which sources that ``shapes`` does not name keep their lines and zones."""
    if "shapes" not in given:
        return dict(given)
    return {**given, "shapes": {**settings.shapes, **given["shapes"]}}


def _object(body: bytes) -> dict[str, Any]:
    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    try:
        found = json.loads(body.decode("utf-8"), parse_constant=refuse, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise InputError(f"settings must be a JSON object: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise InputError(f"settings must be a JSON object, got {type(found).__name__}")
    return found


def _whole(digits: str) -> int | float:
    """Return a whole number. A longer one becomes a float, because Python cannot convert all of them later."""
    return int(digits) if len(digits) < 16 else float(digits)


def _threshold(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise InputError(f"score_threshold must be a number from 0 to 1, or null, got {value!r}"[:200])
    return float(value)


def _labels(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"labels must be a list of texts, or null for all, got {value!r}"[:200])
    return frozenset(value)


def _shapes(value: Any, sources: Collection[str]) -> dict[str, tuple[Shape, ...]]:
    if not isinstance(value, dict) or not all(isinstance(rows, list) for rows in value.values()):
        raise InputError(f"shapes must be an object of lists, one for each source, got {value!r}"[:200])
    for source, rows in value.items():
        if source not in (EVERY_SOURCE, *sources):
            raise InputError(f'unknown source {source[:64]!r}; known: "" (all sources), {", ".join(sources)}')
        if len(rows) > MAX_SHAPES:
            raise InputError(f"a source must have at most {MAX_SHAPES} lines and zones, got {len(rows)}")
    return {source: tuple(_shape(row) for row in rows) for source, rows in value.items()}


def _shape(row: Any) -> Shape:
    if not isinstance(row, dict) or row.get("kind") not in ("line", "zone"):
        raise InputError(f"a shape must be an object whose kind is line or zone, got {row!r}"[:200])
    try:
        return build(KINDS[row["kind"]], {name: one for name, one in row.items() if name != "kind"}, row["kind"])
    except InputError as error:
        raise InputError(str(error)[:300]) from None


def _shape_json(shape: Shape) -> dict[str, Any]:
    return {"kind": "line" if isinstance(shape, Line) else "zone", **asdict(shape)}
