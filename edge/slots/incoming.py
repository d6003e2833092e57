"""Files on their way: received under the digest that they must have, so that a broken transfer is resumed.

The sender asks ``missing`` what is lacking, then writes a stream for ``receive``: for each file a line of JSON with
``sha256``, ``offset`` and ``bytes``, followed by that many bytes.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from edge import files
from edge.errors import FileError, InputError
from edge.manifest import inside
from edge.slots import durable
from edge.slots.layout import App

BLOCK = 1 << 18
FORGOTTEN_S = 24 * 3600.0
"""The age of a file, in seconds, after which nobody will go on with its transfer."""

MARGIN_BYTES = 16 << 20
"""What must stay free beside the files of a release."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Wanted:
    """A file that a release needs: its name in the bundle, its size in bytes and its SHA-256 digest."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        inside(self.name)
        if not self.name.isprintable():
            raise InputError(f"a file's name must be printable, got {self.name!r}")
        if not _DIGEST.fullmatch(self.sha256) or self.bytes < 0:
            raise InputError(f"a file must have a size and a SHA-256 digest, got {self.bytes} and {self.sha256!r}")


def missing(app: App, wanted: Iterable[Wanted]) -> list[dict[str, Any]]:
    """Return what must be sent, and from which byte: ``sha256``, ``offset``, ``bytes`` in all.

    A file that a release on this device holds is copied from there.

    Raises:
        FileError: the disk has not enough room.
    """
    lacking = {one.sha256: one for one in wanted if not _complete(app, one.sha256).exists()}
    _clean(app, {one.sha256 for one in wanted})
    for one in list(lacking.values()):
        if _copied(app, one):
            del lacking[one.sha256]
    offsets = {digest: _received(app, one) for digest, one in sorted(lacking.items())}
    rows = [{"sha256": d, "offset": offset, "bytes": lacking[d].bytes} for d, offset in offsets.items()]
    needed = sum(lacking[d].bytes - offset for d, offset in offsets.items()) + MARGIN_BYTES
    free = shutil.disk_usage(app.folder).free
    if rows and needed > free:
        raise FileError(
            f"the device needs {_mib(needed)} MiB free in {app.root} for this bundle, it has {_mib(free)} MiB; "
            "free some space, or deploy with a smaller --keep"
        )
    return rows


def _mib(count: int) -> str:
    return f"{count / (1 << 20):.1f}"


def receive(app: App, stream: BinaryIO) -> int:
    """Write the files of a stream, and return how many became complete.

    Raises:
        FileError: a file has another digest than was said, or the disk is full; what came so far is kept, but not a
            file with another digest.
        InputError: the stream is not of the form above, or ends in the middle of a file.
    """
    count = 0
    for header in _headers(stream):
        part = app.incoming / f"{header.sha256}.part"
        if _complete(app, header.sha256).exists():  # another deploy of this bundle was faster
            _copy(stream, None, header.bytes - header.offset)
            continue
        if _size(part) < header.offset:
            raise InputError("another deploy took this one's files away; deploy again")
        try:
            with part.open("r+b" if part.exists() else "xb") as file:
                file.seek(header.offset)
                file.truncate()
                _copy(stream, file, header.bytes - header.offset)
                file.flush()
                os.fsync(file.fileno())
        except InputError:
            raise
        except OSError as error:
            raise FileError(f"the device cannot write {part.name}: {error.strerror or error}") from error
        _accept(app, part, header.sha256)
        count += 1
    return count


def _accept(app: App, part: Path, sha256: str) -> None:
    if files.sha256(part) != sha256:
        files.remove(part)
        raise FileError("a file was damaged on the way: its digest is not the stated one; deploy again")
    durable.rename(part, _complete(app, sha256))


@dataclass(frozen=True)
class _Header:
    sha256: str
    offset: int
    bytes: int


def _headers(stream: BinaryIO) -> Iterator[_Header]:
    while line := stream.readline(_LONGEST_LINE):
        try:
            row: Mapping[str, Any] = json.loads(line)
            header = _Header(str(row["sha256"]), int(row["offset"]), int(row["bytes"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"a file must be announced by a line of JSON, got {line[:60]!r}") from error
        if not _DIGEST.fullmatch(header.sha256) or not 0 <= header.offset <= header.bytes:
            raise InputError(f"a file must be announced by a digest, an offset and a size, got {line[:60]!r}")
        yield header


def _copy(stream: BinaryIO, file: BinaryIO | None, count: int) -> None:
    """Copy ``count`` bytes to a file; None takes them without keeping them."""
    while count:
        block = stream.read(min(BLOCK, count))
        if not block:
            raise InputError(f"the transfer broke off {count} bytes before the end of a file; deploy again to go on")
        if file is not None:
            file.write(block)
        count -= len(block)


def _received(app: App, one: Wanted) -> int:
    size = _size(app.incoming / f"{one.sha256}.part")
    return size if size <= one.bytes else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _complete(app: App, sha256: str) -> Path:
    return app.incoming / sha256


def take(app: App, wanted: Iterable[Wanted], folder: Path) -> None:
    """Move the received files into a release's folder, under their names, and flush it.

    A file that another deploy has moved into its release meanwhile is copied from there.

    Raises:
        FileError: a file is not there, or the disk is full.
    """
    placed: dict[str, Path] = {}
    for one in wanted:
        target = folder / one.name
        try:
            if one.sha256 in placed:
                shutil.copyfile(placed[one.sha256], target)
                durable.flush(target)
            else:
                if not _complete(app, one.sha256).exists():
                    _copied(app, one)
                os.replace(_complete(app, one.sha256), target)
        except OSError as error:
            raise FileError(f"the device cannot write {target}: {error.strerror or error}; deploy again") from error
        placed[one.sha256] = target
    durable.flush(folder)


def _copied(app: App, one: Wanted) -> bool:
    """Copy a file of the same name, size and digest from a release on this device."""
    for folder in app.slots.glob("*/bundle"):
        path = folder / one.name
        if path.is_symlink() or not path.is_file() or path.stat().st_size != one.bytes:
            continue
        if files.sha256(path) != one.sha256:
            continue
        with files.replaced(_complete(app, one.sha256)) as temporary:
            shutil.copyfile(path, temporary)
        return True
    return False


def _clean(app: App, keep: set[str]) -> None:
    """Delete what deploys left that were never ended, but nothing that may belong to one that is under way."""
    old = time.time() - FORGOTTEN_S
    for path in app.incoming.iterdir():
        if path.name.removesuffix(".part") not in keep and path.lstat().st_mtime < old:
            files.remove(path)
