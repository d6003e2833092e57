"""``EventFolder`` holds the files of events: clips and pictures. It names them, and deletes the oldest ones."""

import re
import shutil
from datetime import datetime, timezone
from pathlib import Path

from edge.errors import FileError, InputError
from edge.files import delete_left
from edge.sinks.slugs import slug
from edge.sinks.target import check_writable, naming

MIN_FREE_BYTES = 32 << 20
"""The free space that a disk must have before a file is begun."""

OURS = re.compile(r"^\d{8}T\d{6}\.\d{3}Z_.*\.(?:mp4|avi|jpg|json)$")
"""The names that this module gives. Other files in the folder are not counted and never deleted."""


class EventFolder:
    """A folder of files whose names sort by time: ``20261130T075338.123Z_front-door_person.mp4``."""

    def __init__(self, target: str, max_total_mb: float) -> None:
        """Make the folder, and delete what a killed process left of its files.

        Args:
            target: the folder.
            max_total_mb: the most MiB that the files of events take in it; the oldest are deleted.

        Raises:
            FileError: it cannot be written.
            InputError: the size is not above 0.
        """
        if not max_total_mb > 0:
            raise InputError(f"max_total_mb must be above 0, got {max_total_mb}")
        self.path, self._most = Path(target), max_total_mb * (1 << 20)
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"cannot write into {target}: it must be a folder, and is a file")
        check_writable(self.path / "event")
        delete_left(self.path, lambda name: OURS.match(name) is not None)

    def file(self, captured_ns: int, source: str, cause: str, suffix: str) -> Path:
        """Return the path of a new file, and check that there is room for it.

        Args:
            captured_ns: the time of the event, in nanoseconds since 1970.
            source: the source's name.
            cause: the condition that was fulfilled.
            suffix: the suffix, such as ``.mp4``.

        Raises:
            FileError: the disk is full.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.limit()
        with naming(self.path):
            free = shutil.disk_usage(self.path).free
        if free < MIN_FREE_BYTES:
            raise FileError(
                f"cannot write into {self.path}: the disk is full: {free >> 10} KiB left, {MIN_FREE_BYTES >> 10} needed"
            )
        moment = datetime.fromtimestamp(captured_ns // 1_000_000 / 1000, timezone.utc)
        start = f"{moment:%Y%m%dT%H%M%S}.{captured_ns // 1_000_000 % 1000:03}Z_{slug(source)}_{slug(cause)}"
        names = (start + (f"-{number}" if number else "") + suffix for number in range(1000))
        return next(path for path in map(self.path.joinpath, names) if not path.exists())

    def limit(self) -> None:
        """Delete the oldest files until the rest is within the limit. Files that cannot be deleted stay."""
        found = sorted((path for path in self.path.iterdir() if OURS.match(path.name)), key=lambda path: path.name)
        sizes = {path: _size(path) for path in found}
        total = sum(sizes.values())
        for path in found:
            if total <= self._most:
                return
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue
            total -= sizes[path]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
