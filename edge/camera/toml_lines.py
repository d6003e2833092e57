"""``line_of`` finds the line of a value in a TOML file, for messages."""

import re

from edge.options import Keys

_HEADER = re.compile(r"\s*(\[\[|\[)\s*([A-Za-z0-9_\-.\"' ]+?)\s*(?:\]\]|\])\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"']+)\s*=")


def line_of(text: str, keys: Keys) -> int | None:
    """Return the number of the line, from 1, at which a value stands, or that of the table around it.

    Args:
        text: the file.
        keys: the way to the value, such as ``("source", 1, "rotate")``.
    """
    places = _places(text)
    for end in range(len(keys), 0, -1):
        at = tuple(keys[:end])
        if (found := places.get(at, places.get((*at, 0)))) is not None:
            return found
    return None


def _places(text: str) -> dict[Keys, int]:
    """Return the line of each table and key."""
    places: dict[Keys, int] = {}
    counts: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _table(_parts(header[2]), header[1] == "[[", counts)
            places.setdefault(table, number)
        elif key := _KEY.match(line):
            places.setdefault((*table, *_parts(key[1])), number)
    return places


def _table(parts: Keys, of_array: bool, counts: dict[Keys, int]) -> Keys:
    """Return the keys of a table, with the place of each array of tables in it that was begun last."""
    found: Keys = ()
    for part in parts[:-1]:
        found = (*found, part)
        if found in counts:
            found = (*found, counts[found] - 1)
    found = (*found, parts[-1])
    if of_array:
        counts[found] = counts.get(found, 0) + 1
        found = (*found, counts[found] - 1)
    return found


def _parts(dotted: str) -> Keys:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
