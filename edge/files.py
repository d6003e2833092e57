"""Files and folders that are either complete or absent: written beside their place, then renamed."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.errors import FileProblem


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to ``path`` on success, delete it on failure.

    Works for a file or, when the body makes one, a folder. Raises FileProblem when the folder cannot be
    written or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _swap(temporary, path)
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        remove(temporary)


def _swap(temporary: Path, path: Path) -> None:
    if not temporary.is_dir() or not path.exists():
        os.replace(temporary, path)
        return
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    os.replace(path, old)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(old, path)
        raise
    remove(old)


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
