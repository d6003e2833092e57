"""Files and folders that are either complete or absent: written beside their place, flushed to the disk, then renamed.

The rename takes effect at once for a file, and for a folder where none was. A folder that replaces a folder takes
two renames, as the system offers no single one: a process that is killed or a power cut exactly between them
leaves nothing at its place, and both folders complete beside it, under names that begin with a dot and end in
``.old`` and ``.partial``. What must switch at once is reached through a link, which is a file.
"""

import hashlib
import os
import shutil
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import FileError

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What zipfile raises on a damaged, encrypted or unknown archive: whatever its parsing stumbles over."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, delete it on failure.

    Works for a file or, when the body makes one, a folder. After a power cut ``path`` is the old one or the new
    one, whole, but for the moment that this module's first lines describe. Raises FileError when the folder
    cannot be written or the disk is full.
    """
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
    """Wait until a file, or a folder with all that it holds, is on the disk: a rename may get there before content."""
    if not path.is_dir():
        _sync(path)
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _sync(Path(folder, name))
        _flush_folder(Path(folder))


def _flush_folder(path: Path) -> None:
    """Wait until a folder's names are on the disk; some network and FUSE file systems cannot, and refuse."""
    with suppress(OSError):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Delete a file or a folder; nothing when there is none. What cannot be deleted stays, without an error."""
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
