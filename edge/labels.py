"""Label files have one label on each line. In some published files the lines are ``index label``."""

import re
from collections.abc import Sequence
from pathlib import Path

from edge.errors import FileError, InputError

_INDEXED = re.compile(r"(0|[1-9]\d{0,8})[\s:,]+(\S.*)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def read(path: Path, gaps: bool = False) -> list[str]:
    """Return the labels of a file from anywhere, in the order of the classes.

    Blank lines are skipped, and spaces around a label are removed. The lines count as indexed when each is
    ``index label`` and the indices are exactly 0 to n - 1, in any order, without leading zeros. Then the indices give
    the order, and are not part of the labels. ``1 cent`` and ``2 cent`` are labels, because there is no 0.

    Args:
        path: the label file, UTF-8.
        gaps: whether the file is indexed and may omit indices, as in Coral's coco_labels.txt. The label of an omitted
            index is its number as text.

    Raises:
        FileError: the file cannot be read.
        InputError: it is empty, a label has control characters, or ``gaps`` is given and a line has no index of its
            own.
    """
    lines = _stripped(_lines(path), str(path))
    if not gaps:
        return _in_order(lines)
    indexed = _indexed(lines)
    if not indexed or max(indexed) > 1_000_000:
        raise InputError(f"labels {path} must have an index of its own and a label on every line")
    return [indexed.get(i, str(i)) for i in range(max(indexed) + 1)]


def parse(content: bytes, origin: str) -> list[str]:
    """Return the labels in the content of a label file, as ``read`` does.

    Raises:
        InputError: the content is empty, is no UTF-8, or a label has control characters. ``origin`` is its name.
    """
    try:
        return _in_order(_stripped(content.decode("utf-8-sig").split("\n"), origin))
    except UnicodeDecodeError as error:
        raise InputError(f"labels {origin} must be text in UTF-8, got byte {error.start} ({error.reason})") from error


def read_plain(path: Path) -> list[str]:
    """Return the labels of a ``labels.txt`` that EdgeKit wrote beside a model: each line is a label, unchanged.

    Raises:
        FileError: the file cannot be read.
        InputError: it is empty, or a label has control characters.
    """
    lines = [line for line in _lines(path) if line]
    _check(lines, str(path))
    return lines


def has_control(text: str) -> bool:
    """Return whether ``text`` has a control character (Unicode's C0 or C1), such as a line end, or a lone surrogate.

    Control characters can command a terminal. A surrogate is half a character, which UTF-8 cannot write.
    """
    return _CONTROL.search(text) is not None


def printable(name: str) -> str:
    """Return a file's name, or a text from elsewhere, as text that can be printed in one line and written as UTF-8.

    Control characters, and bytes of the name that are no UTF-8, become escapes: ``\\x1b``, ``\\udce9``.
    """
    text = name.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def check_count(labels: Sequence[str], classes: int, origin: str) -> None:
    """Check that there is one label for each class.

    Many networks have one more class than their labels, for the background. Where the counts are off by that one,
    the message says so.

    Args:
        labels: the labels.
        classes: how many classes the model has.
        origin: where the labels come from, for the message.

    Raises:
        InputError: the numbers differ.
    """
    if len(labels) != classes:
        raise InputError(
            f"labels must have one line for each of the model's {classes} classes, got {len(labels)} in {origin}"
            f"{_background_hint(labels, classes)}"
        )


def _background_hint(labels: Sequence[str], classes: int) -> str:
    if len(labels) == classes - 1:
        return "; if the model's first class is the background, add a first line: background"
    if len(labels) == classes + 1 and "background" in labels[0].lower():
        return f"; the model has no class for the background, remove the first line: {labels[0]}"
    return ""


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file. ``str.splitlines`` would also split at seven other characters."""
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise FileError(
            f"labels {path} cannot be read: expected text in UTF-8, got byte {error.start} ({error.reason})"
        ) from error
    except OSError as error:
        raise FileError(f"labels {path} cannot be read: {error.strerror or error}") from error


def _stripped(lines: list[str], origin: str) -> list[str]:
    """Return the lines without spaces around them, and without blank lines, and check them."""
    found = [line for text in lines if (line := text.replace("\t", " ").strip())]
    _check(found, origin)
    return found


def _in_order(lines: list[str]) -> list[str]:
    """Return the labels in the order of their indices, where all lines have one from 0 to n - 1."""
    indexed = _indexed(lines)
    return [indexed[i] for i in range(len(lines))] if set(indexed) == set(range(len(lines))) else lines


def _check(lines: list[str], origin: str) -> None:
    if not lines:
        raise InputError(f"labels {origin} is empty: expected one label a line")
    for line in lines:
        if has_control(line):
            raise InputError(f"labels {origin}: a label must have no control characters, got {line!r}")


def _indexed(lines: list[str]) -> dict[int, str]:
    """Return the labels by index, or an empty dictionary unless every line has an index of its own."""
    matches = [match for line in lines if (match := _INDEXED.fullmatch(line))]
    indexed = {int(match[1]): match[2] for match in matches}
    return indexed if len(indexed) == len(lines) else {}
