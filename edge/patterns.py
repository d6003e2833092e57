"""``matching`` lists the paths that match a pattern, and comes to an end where folders link to one another."""

import glob
import os
from collections import deque
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

_ANY_FOLDERS = "**"


def matching(pattern: str) -> list[Path]:
    """Return the paths that match a pattern, in no order.

    Python's ``glob`` enters a folder that links to one above it again and again.

    Args:
        pattern: a path with ``*``, ``?``, ``[…]``, and ``**`` for any folders that are not hidden.

    Returns:
        The paths. With ``**``, each file once, under its own name where that matches.
    """
    parts = pattern.split(os.sep)
    if _ANY_FOLDERS not in parts:
        return [Path(path) for path in glob.glob(pattern)]
    if parts[-1] == _ANY_FOLDERS:
        parts.append("*")
    *begins, last = [list(group) for is_any, group in groupby(parts, _ANY_FOLDERS.__eq__) if not is_any]
    if parts[0] == _ANY_FOLDERS:
        begins.insert(0, [])
    folders = [""]
    for names in begins:
        folders = _below(_matches(folders, [*names, ""] if names else []))
    return [Path(path) for path in _once(_matches(folders, last))]


def _matches(folders: Iterable[str], names: list[str]) -> list[str]:
    """Return the paths inside folders that match a pattern without ``**``, or the folders themselves without names."""
    if not names:
        return list(folders)
    inside = os.sep.join(names)
    return [path for folder in folders for path in glob.glob(os.path.join(glob.escape(folder), inside))]


def _below(folders: list[str]) -> list[str]:
    """Return folders and all that are below them, each once. Links are followed last, so that own names come first."""
    found: dict[str, str] = {}
    waiting = deque(folders)
    while waiting:
        folder = waiting.popleft()
        real = os.path.realpath(folder)
        if real in found:
            continue
        found[real] = folder
        for path in glob.glob(os.path.join(glob.escape(folder), "*", "")):
            if os.path.islink(path.rstrip(os.sep)):
                waiting.append(path)
            else:
                waiting.appendleft(path)
    return list(found.values())


def _once(paths: list[str]) -> list[str]:
    """Return one path of each file: its own name, or else the first."""
    found: dict[str, str] = {}
    for path in sorted(paths, key=os.path.islink):
        found.setdefault(os.path.realpath(path), path)
    return list(found.values())
