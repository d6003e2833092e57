"""Small writes that survive a power failure: written beside, flushed, renamed, and the folder flushed."""

import os
from pathlib import Path

from edge import files
from edge.errors import FileError


def write(path: Path, content: bytes) -> None:
    """Replace a file's content completely or not at all. Raises FileError when it cannot be written."""
    with files.replaced(path) as temporary:
        temporary.write_bytes(content)


def link(path: Path, target: str) -> None:
    """Let the symbolic link ``path`` point to ``target``, by one rename.

    Args:
        path: the link, which may exist.
        target: what it points to, relative to its folder.

    Raises:
        FileError: somebody put a folder in its place.
    """
    if path.is_dir() and not path.is_symlink():
        raise FileError(f"{path} must be a link, but is a folder; move it away")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    files.remove(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)
    flush(path.parent)


def rename(source: Path, path: Path) -> None:
    """Rename a file or folder that is already flushed, and flush the names of its new folder."""
    os.replace(source, path)
    flush(path.parent)


def discard(path: Path) -> None:
    """Delete a folder that must never be seen half deleted: it gets a hidden name first, which ``sweep`` knows."""
    if path.exists():
        hidden = path.with_name(f".{path.name}.partial")
        files.remove(hidden)
        rename(path, hidden)
        files.remove(hidden)


def sweep(folder: Path) -> None:
    """Delete what killed writers left in a folder. The caller holds the lock, so that nobody is writing it."""
    for path in folder.glob(".*.partial"):
        files.remove(path)


def flush(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
