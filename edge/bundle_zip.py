"""``ZipFiles`` unpacks and verifies the files of a bundle that is a zip.

The file must be exactly one plain zip: members one after the other from the first byte, the directory, the end record,
and nothing before, between or after. Each member is a file without encryption; links and folders are refused. What a
member really unpacks to is counted, because a zip bomb states less.
"""

import hashlib
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edge import files
from edge.bundle_files import check_digest, check_own_size, check_size
from edge.errors import EdgeError, FileError, InputError
from edge.manifest import StoredFile, inside
from edge.private_folders import PrivateFolder

MAX_UNPACKED_BYTES = 4 << 30
"""The largest total size of the unpacked files of a zip."""

DAMAGE = (*files.ZIP_DAMAGE, OSError, struct.error, KeyError, IndexError, AssertionError)

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
"""What stands before a member (APPNOTE.TXT of the format, 4.3.7). The last two are the lengths of name and extra."""

END = struct.Struct("<4s4H2LH")
END_MARK = b"PK\x05\x06"
"""The end record (4.3.16). The fifth is the number of members. A comment would follow, whose length is the last."""

LOCATOR_BYTES = 20
LOCATOR_MARK = b"PK\x06\x07"
"""What stands before the end record of a zip that is too large for 32 bits (4.3.15)."""

MAX_MEMBERS = 1000
"""The most members that a zip may have: the reader makes an object of each before it knows what they are."""

PLAIN_FLAGS = 0x0806
"""The flags of a plain member: the effort of deflate, and a name in UTF-8. Others mean encryption or a stream."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DOS_FOLDER = 0x10


class ZipFiles:
    """The files of a bundle that is a zip. They are unpacked into a private folder; each one when it is asked for."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        with _readable(path):
            _check_end(file)
            self._archive = zipfile.ZipFile(file)
            members = self._archive.infolist()
            _check_members(path, members)
            _check_layout(file, self._archive, members)
        self._members = {info.filename: info for info in members}
        self.names = frozenset(self._members)
        self.folder: PrivateFolder | None = PrivateFolder("bundle")
        self.root = self.folder.path

    def read(self, name: str) -> bytes:
        """Return the content of one of the bundle's own files, which is also unpacked."""
        if name not in self._members:
            raise FileError(f"bundle {self._path} has no {name}")
        check_own_size(self._path, name, self._members[name].file_size)
        with _readable(self._path):
            content = self._archive.read(name)
            (self.root / name).write_bytes(content)
        return content

    def verify(self, stored: StoredFile) -> None:
        """Unpack a file. Raises FileError unless it has the stated size and digest."""
        if stored.name not in self._members:
            raise FileError(f"bundle {self._path} lacks {stored.name}, which its manifest lists")
        check_size(self._path, stored, self._members[stored.name].file_size)
        digest = hashlib.sha256()
        with (
            _readable(self._path),
            self._archive.open(stored.name) as member,
            (self.root / stored.name).open("xb") as unpacked,
        ):
            while block := member.read(files.HASH_BLOCK):  # never more in all than file_size, whatever is packed
                digest.update(block)
                unpacked.write(block)
            size = unpacked.tell()
        check_size(self._path, stored, size)
        check_digest(self._path, stored, digest.hexdigest())


@contextmanager
def opened(path: Path) -> Iterator[ZipFiles]:
    """Open a zip. Raises FileError or InputError when it is not exactly one plain zip."""
    if not path.is_file():
        raise FileError(f"bundle {path} must be a folder or a file, but is a pipe or a device")
    with _readable(path):
        file = path.open("rb")
    with file:
        yield ZipFiles(path, file)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what ``zipfile`` raises for a damaged archive into one line."""
    try:
        yield
    except EdgeError:
        raise
    except DAMAGE as error:
        raise FileError(f"bundle {path} cannot be unpacked: {error}; if it is damaged, get it again") from error


def _check_members(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """Raise InputError for names that leave the folder or come twice, for what is no plain file, and for bombs."""
    names: set[str] = set()
    for info in members:
        name = inside(info.orig_filename)
        if name in names or name != info.filename:  # an extra field can give a second name
            raise InputError(f"bundle {path} must hold each name once, and each file once, got {name!r} again")
        names.add(name)
        if not _is_plain_file(info):
            raise InputError(f"bundle {path} must hold plain files, but {name!r} is a link, a folder or encrypted")
    total = sum(info.file_size for info in members)
    if total > MAX_UNPACKED_BYTES:
        raise InputError(f"bundle {path} must unpack to at most {MAX_UNPACKED_BYTES} bytes, got {total}")


def _is_plain_file(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_file = kind in (0, stat.S_IFREG) and not info.external_attr & DOS_FOLDER and not info.filename.endswith("/")
    return is_file and not info.flag_bits & ~PLAIN_FLAGS and info.compress_type in METHODS


def _check_end(file: BinaryIO) -> None:
    """Raise BadZipFile unless the file ends with the end record of a plain zip, before anything else is read."""
    size = file.seek(0, 2)
    file.seek(max(0, size - END.size - LOCATOR_BYTES))
    tail = file.read().rjust(END.size, b"\0")
    mark, *_, members, _, _, comment = END.unpack(tail[-END.size :])
    if mark != END_MARK or comment:
        raise zipfile.BadZipFile("it does not end as a zip does, or something stands after its end")
    if members > MAX_MEMBERS:
        raise zipfile.BadZipFile(f"expected at most {MAX_MEMBERS} files, got {members}")
    if tail.startswith(LOCATOR_MARK) and size < zipfile.ZIP64_LIMIT:
        raise zipfile.BadZipFile("it has a second directory, which only a larger one needs")


def _check_layout(file: BinaryIO, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]) -> None:
    """Raise BadZipFile when anything stands before, between or after the members, or two of them overlap."""
    position = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        file.seek(info.header_offset)
        *_, name, extra = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        if info.header_offset != position:
            raise zipfile.BadZipFile(f"{info.filename!r} does not begin where the file before it ends")
        position += LOCAL_HEADER.size + name + extra + info.compress_size
    if position != archive.start_dir:
        raise zipfile.BadZipFile("there is something between its files and its directory")
