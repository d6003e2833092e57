"""``System`` reads the facts of a machine from its files, or from a folder that holds copies of them.

The files of a kernel may be missing, unreadable or hold anything. Every method then returns an empty answer.
"""

import os
import re
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

MOST_BYTES = 1 << 16
"""The largest part of a file that is read, except for Debian's list of packages."""

DPKG = "var/lib/dpkg/status"
MOST_BYTES_OF_DPKG = 1 << 25


class System:
    """A machine's files.

    Attributes:
        root: the folder that stands for ``/``.
        live: whether these are the files of the running machine, so that devices may be opened and programs run.
        now: returns the seconds since 1970.
    """

    def __init__(self, root: Path = Path("/"), now: Callable[[], float] = time.time) -> None:
        """Take a machine.

        Args:
            root: ``/``, or a folder with copies of a machine's files.
            now: the machine's clock.
        """
        self.root, self.live, self.now = root, root == Path("/"), now

    def text(self, name: str) -> str:
        """Return the stripped content of a file, without the zero bytes of a device tree; empty when there is none.

        Args:
            name: the path below the root. A pattern takes the first file that fits.
        """
        paths = self.find(name) if "*" in name else [self.root / name]
        return self._read(paths[0], MOST_BYTES).strip("\0 \t\r\n") if paths else ""

    def number(self, name: str, base: int = 10) -> int | None:
        """Return the number that a file begins with, or None when it begins with something else."""
        words = self.text(name).split()
        try:
            return int(words[0], base) if words and len(words[0]) <= 20 else None
        except ValueError:
            return None

    def field(self, name: str, key: str) -> str:
        """Return the value of the first line ``key: value`` or ``key=value`` of a file; empty when there is none."""
        found = re.search(rf"^{re.escape(key)}[ \t]*[:=][ \t]*\"?([^\"\n]*)", self.text(name), re.MULTILINE)
        return found[1].strip() if found else ""

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder of this name; a pattern fits any."""
        try:
            return bool(self.find(name)) if "*" in name else (self.root / name).exists()
        except (OSError, ValueError):
            return False

    def find(self, pattern: str) -> list[Path]:
        """Return the paths that fit a pattern, in natural order: video2 comes before video10."""
        try:
            return sorted(self.root.glob(pattern), key=_natural)
        except (OSError, ValueError, RuntimeError):
            return []

    def may_open(self, node: Path) -> bool:
        """Return whether this user may read and write a device file. Of copied files it is not known, and is True."""
        return not self.live or os.access(node, os.R_OK | os.W_OK)

    @cached_property
    def packages(self) -> dict[str, str]:
        """The versions of Debian's installed packages by their names."""
        found: dict[str, str] = {}
        for entry in self._read(self.root / DPKG, MOST_BYTES_OF_DPKG).split("\n\n"):
            name, _, rest = entry.lstrip("\n").partition("\n")
            version = re.search(r"^Version: (\S+)", rest, re.MULTILINE)
            if name.startswith("Package: ") and version and "Status: install ok installed" in rest:
                found.setdefault(name.removeprefix("Package: ").strip(), version[1])
        return found

    def _read(self, path: Path, most: int) -> str:
        try:
            if not path.is_file():  # a pipe would wait
                return ""
            with path.open("rb") as file:
                return file.read(most).decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(int(part) if part.isascii() and part.isdigit() else -1, part) for part in parts]
