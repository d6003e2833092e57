"""``replaced`` writes a file or folder completely or not at all: under another name, flushed to the disk, then renamed.

The order is fixed: write, flush, rename, flush the folder that holds the name. The rename takes effect at once, also
for a folder that replaces a folder: Linux exchanges the two in one call (``renameat2``), and then the old one is
deleted. A process that is killed at any moment leaves the old or the new content.

A writer works in a folder of its own beside the target, ``.NAME.0.partial`` (or 1, 2 …), and holds a lock on it
(``flock``), which ends with the process. What a killed writer left has no lock: the next write to the same path deletes
it. File systems without locks keep it.

File systems that cannot exchange (NFS, some FUSE) need two renames for a folder. A process that is killed exactly
between them leaves nothing at the path; the next write there brings the old folder back first.
"""

import fcntl
import hashlib
import io
import os
import shutil
import stat
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import FileError

ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""The exceptions that zipfile raises for a damaged, encrypted or unknown archive."""

HASH_BLOCK = 1 << 18
"""Bytes that are read and hashed at once: they fit in the second cache of a small processor."""

WRITERS = 16
"""How many writers of one path have numbers. Further ones get random names, and nobody cleans up after those."""

OLD_SUFFIX = ".old"
RENAME_EXCHANGE = 2
AT_CURRENT_FOLDER = -100
"""Constants of renameat2, from linux/fs.h and fcntl.h."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path on the same file system; rename it to ``path`` on success, delete it on failure.

    The body may create a file, a folder or a link there, under the name that ``path`` has, in a private folder. After
    a power failure, ``path`` holds the old or the new content, whole; the top of this file has the one exception.

    Args:
        path: the file or folder to create or replace. Its parent folders are created.

    Raises:
        FileError: the folder cannot be written, the disk is full, or ``path`` is a device or a pipe.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # a rename would put a file in the device's place
        raise FileError(f"cannot write {path}: it is a device or a pipe; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _private_place(path) as place:
            temporary = place / path.name
            yield temporary
            _flush(temporary)
            _swap(temporary, path)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def _private_place(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that no other writer uses, and delete what killed writers left."""
    names = iter([path.with_name(f".{path.name}.{number}.partial") for number in range(WRITERS)])
    for place in names:
        if (lock := _take(place, path)) is not None:
            break
    else:
        place, lock = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial"), None
        place.mkdir(mode=0o700)
    for other in filter(os.path.lexists, names):
        _delete_if_left(other, path)
    try:
        yield place
    finally:
        remove(place)
        if lock is not None:
            os.close(lock)


def delete_left(folder: Path, fits: Callable[[str], bool]) -> None:
    """Delete what killed writers left of files in a folder, whose paths nobody writes again.

    Args:
        folder: the folder of the files.
        fits: returns whether a file's name is one of those that are meant.
    """
    for place in folder.glob(".*.partial"):
        name = place.name[1:].rsplit(".", 2)[0]
        if fits(name):
            _delete_if_left(place, folder / name)


def _delete_if_left(place: Path, path: Path) -> None:
    lock = _take(place, path)
    if lock is not None:
        remove(place)
        os.close(lock)


def _take(place: Path, path: Path) -> int | None:
    """Make a writer's folder, or take over one that a killed writer left, and lock it.

    Returns:
        The folder's descriptor, which holds the lock. None when another writer has it.
    """
    made = True
    try:
        place.mkdir(mode=0o700)
    except FileExistsError:
        made = False
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # deleted by its writer just now, of another user, or no folder
        return None
    if _locked(place, descriptor, made):
        _clear(place, path)
        return descriptor
    os.close(descriptor)
    return None


def _locked(place: Path, descriptor: int, made: bool) -> bool:
    """Return whether this process holds the folder now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.stat(place), os.fstat(descriptor))  # its writer may have deleted it in between
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks: who made the folder has it
        return made


def _clear(place: Path, path: Path) -> None:
    """Delete what a killed writer left. A folder that it had only moved away returns to its path first."""
    old = place / (path.name + OLD_SUFFIX)
    if old.exists() and not os.path.lexists(path):
        os.replace(old, path)
    for left in place.iterdir():
        remove(left)


def _swap(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path``; whatever was there ends up in the folder of ``temporary``, or is gone."""
    replaces_folder = temporary.is_dir() and not temporary.is_symlink() and os.path.lexists(path)
    if not replaces_folder:
        os.replace(temporary, path)
    elif not _exchange(temporary, path):
        _rename_twice(temporary, path)
    _flush_folder(path.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one system call. Returns False where the C library or the file system cannot do it."""
    import ctypes  # only the replacement of a folder needs it

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here = AT_CURRENT_FOLDER
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), RENAME_EXCHANGE) == 0)


def _rename_twice(temporary: Path, path: Path) -> None:
    old = temporary.with_name(path.name + OLD_SUFFIX)
    try:
        os.replace(path, old)
        os.replace(temporary, path)
    except BaseException:
        if os.path.lexists(old) and not os.path.lexists(path):
            os.replace(old, path)
        raise


def _flush(path: Path) -> None:
    """Wait until a file, or a folder with its content, is on the disk: without this a rename may arrive there first."""
    if path.is_symlink():  # its content is its name's entry in the folder
        return
    if not path.is_dir():
        _sync(path)
        return
    for folder, _, names in os.walk(path, topdown=False):
        for name in names:
            _flush(Path(folder, name))
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


def refuse_special(path: Path, name: str) -> None:
    """Raise FileError for a pipe, a socket or a device, which could be read without end. A folder is none of them.

    Args:
        path: what a user named as a file. It may not exist.
        name: how messages begin, such as ``video clip.mp4``.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
        raise FileError(f"{name} must be a regular file, got a {kind}: save its content to a file and give that")


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    with path.open("rb", buffering=0) as file:
        return digest(file)


def digest(file: io.FileIO) -> str:
    """Return the hexadecimal SHA-256 digest of what is left to read of an unbuffered file."""
    found = hashlib.sha256()
    block = memoryview(bytearray(HASH_BLOCK))
    while size := file.readinto(block):
        found.update(block[:size])
    return found.hexdigest()
