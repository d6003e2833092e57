"""``replaced`` writes a file or folder completely or not at all: under another name, flushed to the disk, then renamed.

The rename takes effect at once for a file, and for a folder that did not exist. To replace a folder takes two renames,
because the system has no single call for it. When the process is killed or the power fails exactly between the two,
nothing is at the folder's place, and both the old and the new folder lie beside it, complete, under names that begin
with a dot and end in ``.old`` and ``.partial``. A folder that must switch at
once can be reached through a link.
"""

import hashlib
import os
import shutil
import tempfile
import uuid
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import FileError

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""The exceptions that zipfile raises for a damaged, encrypted or unknown archive."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, delete it on failure.

    The body may create a file or a folder there. After a power failure, ``path`` holds the old or the new content,
    whole, except in the moment that the top of this file describes.

    Args:
        path: the file or folder to create or replace. Its parent folders are created.

    Raises:
        FileError: the folder cannot be written, the disk is full, or ``path`` is a device or a pipe.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # a rename would put a file in the device's place
        raise FileError(f"cannot write {path}: it is a device or a pipe; give the name of a file")
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        _swap(temporary, path)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        remove(temporary)


def _swap(temporary: Path, path: Path) -> None:
    if not temporary.is_dir() or not path.exists():
        os.replace(temporary, path)
        _flush_folder(path.parent)
        return
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    try:
        os.replace(path, old)
        os.replace(temporary, path)
    except BaseException:
        if old.exists() and not path.exists():
            os.replace(old, path)
        raise
    _flush_folder(path.parent)
    remove(old)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder with its content, is on the disk: without this a rename may arrive there first."""
    if not path.is_dir():
        _sync(path)
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _sync(Path(folder, name))
        _flush_folder(Path(folder))


def _flush_folder(path: Path) -> None:
    """Wait until a folder's names are on the disk. Some network and FUSE file systems cannot do it, and refuse."""
    with suppress(OSError):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Delete a file or a folder if it exists. What cannot be deleted stays, without an error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class PrivateFolder:
    """A private folder that is deleted when nothing refers to this object, at the latest when Python exits.

    Attributes:
        path: the folder.
    """

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
