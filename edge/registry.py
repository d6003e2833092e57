"""Tables of import paths: each row states a name, the module behind it, and what that module needs.

A table imports nothing. ``load`` imports the module of a name, and reports a missing dependency with the
command that installs it. Installed packages extend a table through entry points
of the group ``edge.<kind>s`` (``edge.backends``, ``edge.decoders``, ``edge.tasks``, ``edge.sources``,
``edge.sinks``, ``edge.models``).
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.errors import MissingExtra, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Entry:
    """One row of a table.

    Attributes:
        target: ``"package.module:attribute"``, which is imported on demand.
        summary: what it is for, in one line, for help texts.
        extra: the extra of this distribution that installs what it needs; None when it needs no extra.
        needs: top-level modules that must be installed. They are looked for, not imported.
    """

    target: str
    summary: str
    extra: str | None = None
    needs: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Return the modules of ``needs`` that this environment lacks."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


Table = Mapping[str, Entry]


def _plugins(kind: str) -> "dict[str, EntryPoint]":
    group = f"edge.{kind}s"
    if not any(_may_mention(folder or os.curdir, group) for folder in sys.path):
        return {}
    from importlib.metadata import entry_points  # most devices have no plug-in and start without its 30 ms

    return {point.name: point for point in entry_points(group=group)}


def _may_mention(folder: str, group: str) -> bool:
    """Return whether a distribution in an entry of ``sys.path`` may have entry points of ``group``."""
    try:
        with os.scandir(folder) as found:
            installed = [one.path for one in found if one.name.endswith((".dist-info", ".egg-info"))]
    except FileNotFoundError:
        return False
    except OSError:  # such as an archive, in which importlib can look
        return True
    return any(group.encode() in _entry_points(path) for path in installed)


def _entry_points(distribution: str) -> bytes:
    try:
        with open(os.path.join(distribution, "entry_points.txt"), "rb") as file:
            return file.read()
    except OSError:
        return b""


def names(kind: str, table: Table) -> list[str]:
    """Return every name that ``load`` accepts: those of the table in its order, then those of plug-ins, sorted."""
    return [*table, *sorted(set(_plugins(kind)) - set(table))]


def load(kind: str, table: Table, name: str) -> Any:
    """Import and return what ``name`` stands for.

    Args:
        kind: what the table holds, for messages and for the group of entry points: ``"backend"``.
        table: the table of this kind.
        name: a name of the table or of a plug-in.

    Raises:
        InputError: no row and no plug-in has this name.
        MissingExtra: a module that the row needs is not installed.
    """
    if name in table:
        entry = table[name]
        if missing := entry.missing():
            raise MissingExtra(_how_to_install(kind, name, entry, missing))
        module, _, attribute = entry.target.partition(":")
        return getattr(importlib.import_module(module), attribute)
    plugins = _plugins(kind)
    if name in plugins:
        return plugins[name].load()
    raise unknown_name(kind, name, [*table, *plugins])


def _how_to_install(kind: str, name: str, entry: Entry, missing: list[str]) -> str:
    return f"{kind} {name!r} {needs(entry, missing)}"


def needs(entry: Entry, missing: list[str]) -> str:
    """Return which modules a row lacks and the command that installs them.

    Args:
        entry: the row.
        missing: at least one of its modules.
    """
    package = f"'edgekit[{entry.extra}]'" if entry.extra else "edgekit"
    return f"needs {', '.join(missing)}, not installed here: pip install {package}"
