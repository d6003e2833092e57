"""These functions read what the container of a video file states, and OpenCV does not tell.

``missing_bytes`` finds out whether the file was cut, because its container states how long its parts are, and
``is_mirrored`` whether its frames are to be mirrored. They read only the heads of the parts of MP4 and MOV
(ISO/IEC 14496-12), AVI (RIFF) and Matroska and WebM (RFC 8794) files.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAX_PARTS = 100_000
_SEGMENT, _EBML = 0x18538067, 0x1A45DFA3


def kind(path: Path) -> str:
    """Return ``mp4``, ``avi``, ``mkv``, or nothing for another format or a file that cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return ""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return "mp4"
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        return "avi"
    return "mkv" if head[:4] == _EBML.to_bytes(4, "big") else ""


def missing_bytes(path: Path) -> int:
    """Return how many bytes a video file is shorter than it states. 0 when it is whole or does not say."""
    walk = {"mp4": _mp4_end, "avi": _avi_end, "mkv": _mkv_end}.get(kind(path))
    if walk is None:
        return 0
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            return max(0, walk(file, size) - size)
    except (OSError, struct.error):
        return 0


def is_mirrored(path: Path) -> bool:
    """Return whether an MP4 or MOV file asks for mirrored frames: the matrix of its video has a negative determinant.

    The matrix of the first video track counts, after that of the whole movie (ISO/IEC 14496-12, 6.2.2).
    """
    if kind(path) != "mp4":
        return False
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            movie = next((span for name, span in _boxes(file, 0, size) if name == b"moov"), None)
            return movie is not None and _is_mirrored(file, *movie)
    except (OSError, struct.error):
        return False


def _is_mirrored(file: BinaryIO, start: int, end: int) -> bool:
    """Look at the tracks of a moov box: mvhd and tkhd hold the matrices, and mdia/hdlr says what a track is."""
    sign = 1
    for name, span in _boxes(file, start, end):
        if name == b"mvhd":
            sign = _turn(file, span[0], 36)
        elif name == b"trak":
            inside = dict(_boxes(file, *span))
            media = dict(_boxes(file, *inside.get(b"mdia", (0, 0))))
            if b"hdlr" in media and _at(file, media[b"hdlr"][0] + 8, 4) == b"vide" and b"tkhd" in inside:
                return sign * _turn(file, inside[b"tkhd"][0], 40) < 0
    return False


def _turn(file: BinaryIO, start: int, offset: int) -> int:
    """Return the sign of the determinant of the matrix in a full box, ``offset`` bytes after its start in version 0."""
    offset += 12 if _at(file, start, 1) == b"\1" else 0  # three times are of 64 bits in version 1
    a, b, _, c, d = struct.unpack(">5i", _at(file, start + offset, 20))
    return -1 if a * d - b * c < 0 else 1


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the name of each box between two places in a file, and where its content starts and ends."""
    for _ in range(_MAX_PARTS):
        head = _at(file, start, 16)
        if start + 8 > end or len(head) < 8:
            return
        (length,), content = struct.unpack(">I", head[:4]), start + 8
        if length == 1:
            (length,), content = struct.unpack(">Q", head[8:16]), start + 16
        stop = start + length if length else end
        if stop < content:
            return
        yield head[4:8], (content, min(stop, end))
        start = stop


def _mp4_end(file: BinaryIO, size: int) -> int:
    """Follow the boxes: a length of 32 bits with the header, 1 for one of 64 bits after the name, 0 for the rest."""
    position, whole = 0, size
    for _ in range(_MAX_PARTS):
        head = _at(file, position, 16)
        if len(head) < 8:
            break
        (length,) = struct.unpack(">I", head[:4])
        if length == 1:
            (length,) = struct.unpack(">Q", head[8:16])
        if length < 8 or not head[4:8].isalnum():  # 0 means up to the end; anything else is damage, not a cut
            break
        position += length
        whole = position
        if position >= size:
            break
    return whole


def _avi_end(file: BinaryIO, size: int) -> int:
    """Follow the RIFF lists: OpenDML files have several."""
    position, whole = 0, size
    while position < size:
        head = _at(file, position, 8)
        if head[:4] != b"RIFF" or len(head) < 8:
            break
        position += 8 + struct.unpack("<I", head[4:8])[0]
        whole = position
    return whole


def _mkv_end(file: BinaryIO, size: int) -> int:
    """Return the end of the segment, the second element, unless its length is unknown (all ones)."""
    header_id, length, position = _element(_at(file, 0, 12), 0)
    if header_id != _EBML or length is None:
        return size
    element, length, start = _element(_at(file, position + length, 12), position + length)
    return start + length if element == _SEGMENT and length is not None else size


def _element(head: bytes, position: int) -> tuple[int, int | None, int]:
    found = element(head, position)
    if found is None:
        raise struct.error
    return found


def element(head: bytes, position: int) -> tuple[int, int | None, int] | None:
    """Return what the head of an EBML element in Matroska says (RFC 8794). None when it is damaged.

    Args:
        head: 12 bytes.
        position: where they are in the file.

    Returns:
        The identifier, the length of the content (None when it is unknown), and where the content starts.
    """
    if len(head) < 12 or head[0] < 0x10:
        return None
    id_bytes = 9 - head[0].bit_length()
    first = head[id_bytes]
    if not first:
        return None
    length_bytes = 9 - first.bit_length()
    bits = 7 * length_bytes
    value = int.from_bytes(head[id_bytes : id_bytes + length_bytes], "big") & ((1 << bits) - 1)
    unknown = value == (1 << bits) - 1
    return int.from_bytes(head[:id_bytes], "big"), None if unknown else value, position + id_bytes + length_bytes


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
