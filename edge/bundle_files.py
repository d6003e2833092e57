"""``FolderFiles`` reads and verifies the files of a bundle that is a folder; ``edge.bundle_zip`` has those of a zip.

Both refuse everything but plain files: links, pipes and folders. A file is compared with its stated size before it is
read, and with its digest before anybody else reads it.
"""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from edge import files
from edge.errors import FileError
from edge.manifest import StoredFile
from edge.private_folders import PrivateFolder

MAX_OWN_BYTES = 16 << 20
"""The largest size of the manifest and of the labels, because they are read into memory."""


class BundleFiles(Protocol):
    """The files of one bundle.

    Attributes:
        root: the folder that interpreters read the files from.
        names: the names of all files.
        folder: keeps a private folder alive. None when there is none.
    """

    root: Path
    names: frozenset[str]
    folder: PrivateFolder | None

    def read(self, name: str) -> bytes:
        """Return the content of one of the bundle's own files. Raises FileError when it is missing or too large."""
        ...

    def verify(self, stored: StoredFile) -> None:
        """Raise FileError unless the file has the stated size and digest. Afterwards it is in ``root``."""
        ...


class FolderFiles:
    """The files of a bundle that is a folder.

    Names with a leading dot are no part of the bundle and are never read, because file managers and NFS make them.
    A file with further names (hard links) is like any other: its digest decides.
    """

    def __init__(self, path: Path) -> None:
        self.root = path
        self.folder: PrivateFolder | None = None
        try:
            self.names = frozenset(name for name in os.listdir(path) if not name.startswith("."))
        except OSError as error:
            raise FileError(f"bundle {path} cannot be read: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        """Return the content of one of the bundle's own files."""
        with self._opened(name, f"has no {name}") as file:
            check_own_size(self.root, name, os.fstat(file.fileno()).st_size)
            return file.read()

    def verify(self, stored: StoredFile) -> None:
        """Raise FileError unless the file has the stated size and digest."""
        with self._opened(stored.name, f"lacks {stored.name}, which its manifest lists") as file:
            check_size(self.root, stored, os.fstat(file.fileno()).st_size)
            check_digest(self.root, stored, files.digest(file))

    @contextmanager
    def _opened(self, name: str, absent: str) -> Iterator[io.FileIO]:
        """Open a plain file. A link could lead out of the bundle, and opening a pipe would never end."""
        try:
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise _no_plain_file(self.root, name)
                yield io.FileIO(descriptor, closefd=False)
            finally:
                os.close(descriptor)
        except FileError:
            raise
        except FileNotFoundError as error:
            raise FileError(f"bundle {self.root} {absent}") from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
                raise _no_plain_file(self.root, name) from error
            raise FileError(f"bundle {self.root}: {name} cannot be read: {error.strerror or error}") from error


def _no_plain_file(shown: Path, name: str) -> FileError:
    return FileError(f"bundle {shown}: {name} must be a plain file, but is a link, a pipe or a folder")


def check_own_size(shown: Path, name: str, size: int) -> None:
    """Raise FileError when one of the bundle's own files is too large for the memory of a small device."""
    if size > MAX_OWN_BYTES:
        raise FileError(f"bundle {shown}: {name} must have at most {MAX_OWN_BYTES} bytes, got {size}")


def check_size(shown: Path, stored: StoredFile, size: int) -> None:
    """Raise FileError when a file has another size than the manifest states."""
    if size != stored.bytes:
        raise FileError(
            f"bundle {shown}: {stored.name} is damaged: expected {stored.bytes} bytes, got {size}; get the bundle again"
        )


def check_digest(shown: Path, stored: StoredFile, digest: str) -> None:
    """Raise FileError when a file has another digest than the stated one."""
    if digest != stored.sha256:
        raise FileError(
            f"bundle {shown}: {stored.name} is damaged: its digest is not the stated one; get the bundle again"
        )
