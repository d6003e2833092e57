"""Label files: one label a line, or ``index label`` lines as some published files have."""

import re
from pathlib import Path

from edge.errors import FileError, InputError

_INDEXED = re.compile(r"(0|[1-9]\d{0,8})[\s:,]+(\S.*)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read(path: Path, gaps: bool = False) -> list[str]:
    """Return the labels of ``path``, a file from anywhere, in class order; blank lines and outer spaces do not count.

    The lines are indexed when each is ``index label`` and the indices are exactly 0 to n-1, in any order, without
    leading zeros: the indices decide the order then, and are no part of the labels. ``1 cent, 2 cent`` are labels.
    gaps: the file is known to be indexed, and an index that it leaves out (as Coral's coco_labels.txt does) becomes
    its number as text. Raises FileError when unreadable, InputError when empty, when a label has control
    characters, or when ``gaps`` is given and a line has no index of its own.
    """
    lines = [line for text in _lines(path) if (line := text.replace("\t", " ").strip())]
    _check(lines, path)
    indexed = _indexed(lines)
    if gaps:
        if not indexed or max(indexed) > 1_000_000:
            raise InputError(f"labels {path} must have an index of its own and a label on every line")
        return [indexed.get(i, str(i)) for i in range(max(indexed) + 1)]
    if set(indexed) == set(range(len(lines))):
        return [indexed[i] for i in range(len(lines))]
    return lines


def read_plain(path: Path) -> list[str]:
    """Return the labels of a ``labels.txt`` that our tools wrote beside a model: one a line, as it stands, in order.

    Raises FileError when unreadable, InputError when empty or when a label has control characters.
    """
    lines = [line for line in _lines(path) if line]
    _check(lines, path)
    return lines


def has_control(text: str) -> bool:
    """Whether ``text`` has a control character (Unicode's C0 or C1): a line end, or what commands a terminal."""
    return _CONTROL.search(text) is not None


def check_count(labels: list[str], classes: int, origin: str) -> None:
    """Raise InputError unless there is one label for each of ``classes`` outputs."""
    if len(labels) != classes:
        raise InputError(
            f"labels must have one line for each of the model's {classes} classes, got {len(labels)} in {origin}"
        )


def _lines(path: Path) -> list[str]:
    """Return the lines, ended by a line feed, a carriage return or both: ``str.splitlines`` knows seven more ends."""
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"labels {path} cannot be read: {error}") from error


def _check(lines: list[str], path: Path) -> None:
    if not lines:
        raise InputError(f"labels {path} is empty: expected one label a line")
    for line in lines:
        if has_control(line):
            raise InputError(f"labels {path}: a label must have no control characters, got {line!r}")


def _indexed(lines: list[str]) -> dict[int, str]:
    """Return label by index; empty unless every line has an index of its own."""
    matches = [match for line in lines if (match := _INDEXED.fullmatch(line))]
    indexed = {int(match[1]): match[2] for match in matches}
    return indexed if len(indexed) == len(lines) else {}
