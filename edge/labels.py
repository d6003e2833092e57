"""Label files: one label a line, or ``index label`` lines as some published files have."""

import re
from pathlib import Path

from edge.errors import FileProblem, InvalidInput

_INDEXED = re.compile(r"^\s*(\d+)[\s:,]+(.+)$")


def read(path: Path) -> list[str]:
    """Return the labels of ``path`` in class order.

    When every line starts with an index the indices decide the order; gaps become their number as text.
    Raises FileProblem when unreadable, InvalidInput when empty.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(f"labels {path} cannot be read: {error}") from error
    lines = [line for line in lines if line]
    if not lines:
        raise InvalidInput(f"labels {path} is empty: expected one label a line")
    matches = [_INDEXED.match(line) for line in lines]
    if not all(matches):
        return lines
    indexed = {int(m[1]): m[2].strip() for m in matches if m}
    if max(indexed) >= 4 * len(lines) or len(indexed) != len(lines):
        return lines
    return [indexed.get(i, str(i)) for i in range(max(indexed) + 1)]


def check_count(labels: list[str], classes: int, origin: str) -> None:
    """Raise InvalidInput unless there is one label for each of ``classes`` outputs."""
    if len(labels) != classes:
        raise InvalidInput(
            f"labels must have one line for each of the model's {classes} classes, got {len(labels)} in {origin}"
        )
