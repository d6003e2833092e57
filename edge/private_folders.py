"""Private folders for files that are needed for a while: those of an unpacked bundle, those of a conversion.

A folder is deleted when nobody needs it any more. Its process holds a lock on it (``flock``), so that the next process
that makes one can tell which folders belong to killed processes, and deletes those.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PREFIX = "edgekit-"
GRACE_S = 60
"""A folder younger than this is left alone, because its process may not have locked it yet."""


class PrivateFolder:
    """A private folder that is deleted when nothing refers to this object, at the latest when Python exits.

    In a ``with`` statement it is deleted at the end of that.

    Attributes:
        path: the folder.
    """

    def __init__(self, purpose: str) -> None:
        """Make the folder. Its name holds ``purpose``."""
        with suppress(OSError):  # what cannot be deleted stays
            _delete_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
        self._delete = weakref.finalize(self, _delete, self.path, _lock(self.path))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._delete()


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on a folder, or None when another process or nobody can hold it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # in use, or a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _delete(path: Path, lock: int | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def _delete_abandoned(parent: Path) -> None:
    """Delete the folders in ``parent`` whose processes were killed."""
    with os.scandir(parent) as entries:
        found = [entry.path for entry in entries if entry.name.startswith(PREFIX)]
    for path in map(Path, found):
        if _is_old_and_mine(path) and (lock := _lock(path)) is not None:
            _delete(path, lock)


def _is_old_and_mine(path: Path) -> bool:
    try:
        facts = path.lstat()
    except OSError:  # deleted just now
        return False
    is_mine = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    return is_mine and time.time() - facts.st_mtime > GRACE_S
