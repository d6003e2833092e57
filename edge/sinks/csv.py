"""The sink ``csv`` writes results as a table for spreadsheets: one row for each thing that was found in a frame."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from edge.results import Box, Occurrence, Prediction, Result
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.text_file import TextFile

COLUMNS = (
    *("source", "frame", "captured", "age_ms", "infer_ms"),
    *("kind", "label", "index", "score", "id", "x0", "y0", "x1", "y1", "place", "direction", "value", "unit"),
)
"""The columns. ``captured`` is a UTC time in ISO 8601. ``docs/sinks.md`` says what each kind of row fills in."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Texts that begin with one of these are formulas to a spreadsheet. They get an apostrophe before them.

https://owasp.org/www-community/attacks/CSV_Injection
"""

Row = dict[str, object]


@dataclass(frozen=True)
class CsvOptions:
    """The form of the table.

    Attributes:
        delimiter: what separates columns. Spreadsheets of countries with a decimal comma want a semicolon.
        byte_order_mark: whether the file begins with a byte order mark, which Excel needs for letters beyond ASCII.
    """

    delimiter: Literal[",", ";", "\t"] = ","
    byte_order_mark: bool = False


class Csv(Sink):
    """Writes and flushes the rows of each frame. See ``TextFile`` for what it writes to.

    A frame in which nothing was found has one row of the kind ``nothing``, one without a result a row of the kind
    ``fault``. A closed pipe (BrokenPipeError) ends the run, as a full disk does.
    """

    name = "csv"
    lossless = True
    on_error: OnError = "fatal"
    Options = CsvOptions

    def __init__(self, target: str, context: Context, options: CsvOptions = CsvOptions()) -> None:
        """Open the target. Raises FileError when it cannot be written."""
        self._file, self._options = TextFile(target), options

    def emit(self, event: Event) -> None:
        """See Sink."""
        text = io.StringIO()
        table = csv.DictWriter(text, COLUMNS, restval="", delimiter=self._options.delimiter, lineterminator="\r\n")
        if not self._file.begun:
            text.write("\ufeff" * self._options.byte_order_mark)
            table.writeheader()
        frame = _of_frame(event.result)
        for row in rows(event.result):
            table.writerow({name: _safe(value) for name, value in {**frame, **row}.items()})
        self._file.write(text.getvalue())

    def close(self) -> None:
        """See Sink."""
        self._file.close()


def rows(result: Result) -> Iterator[Row]:
    """Yield what the rows of a result have beside the columns of the frame."""
    if result.fault:
        yield {"kind": "fault", "label": result.fault}
        return
    found = [*_predictions(result), *_others(result)]
    yield from found or [{"kind": "nothing"}]
    yield from (_occurrence(one) for one in result.occurrences)


def _of_frame(result: Result) -> Row:
    captured = datetime.fromtimestamp(result.captured_ns // 1_000_000 / 1000, timezone.utc)
    return {
        "source": result.source,
        "frame": result.frame,
        "captured": captured.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "age_ms": _number(result.age_ms, 3),
        "infer_ms": _number(result.infer_ms, 3),
    }


def _predictions(result: Result, track: int | None = None) -> Iterator[Row]:
    """Yield a row for each prediction. Those of a nested result follow their object, and have its track."""
    for one in result.predictions:
        number = track if one.id is None else one.id
        kind = "object" if one.box is not None else "class"
        yield {"kind": kind, "label": one.label, "index": one.index, **_scored(one, number)}
        if one.nested is not None:
            yield from _predictions(one.nested, number)


def _scored(one: Prediction, number: int | None) -> Row:
    return {"score": _number(one.score, 4), "id": "" if number is None else number, **_corners(one.box)}


def _others(result: Result) -> Iterator[Row]:
    """Yield a row for each pose, each class of a mask and each quantity."""
    for pose in result.poses:
        yield {"kind": "pose", "label": pose.part, "score": _number(pose.score, 4), **_corners(pose.box)}
    if result.mask is not None:
        for label, share in result.mask.shares().items():
            yield {"kind": "area", "label": label, "value": _number(share, 4)}
    for name, value in result.values.items():
        yield {"kind": "value", "label": name, "value": _number(value, 6), "unit": result.units.get(name, "")}


def _occurrence(one: Occurrence) -> Row:
    number = "" if one.id is None else one.id
    lasts = one.kind in ("leave", "dwell")
    seconds = _number(one.seconds, 3) if lasts else ""
    row: Row = {"kind": one.kind, "label": one.label, "id": number, "place": one.place, "direction": one.direction}
    return {**row, "value": seconds, "unit": "s" if lasts else ""}


def _corners(box: Box | None) -> Row:
    return {} if box is None else {name: _number(x, 1) for name, x in zip(("x0", "y0", "x1", "y1"), box, strict=True)}


def _number(value: float, digits: int) -> object:
    """Return a rounded number, or an empty cell for one that is not finite."""
    return round(float(value), digits) if math.isfinite(value) else ""


def _safe(value: object) -> object:
    """Return a text that no spreadsheet takes for a formula. Zero bytes, which some readers refuse, are left out."""
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "")
    return f"'{text}" if text.startswith(FORMULA) else text
