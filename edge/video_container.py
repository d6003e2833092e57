"""``missing_bytes`` finds out whether a video file was cut: its container states how long its parts are.

It reads only the heads of the outermost parts of MP4 and MOV (ISO/IEC 14496-12, 4.2), AVI (RIFF) and Matroska and WebM
(RFC 8794) files.
"""

import os
import struct
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
    """Return the identifier of an EBML element, the length of its content (None when unknown), and where it starts."""
    if len(head) < 12 or head[0] < 0x10:
        raise struct.error
    id_bytes = 9 - head[0].bit_length()
    first = head[id_bytes]
    if not first:
        raise struct.error
    length_bytes = 9 - first.bit_length()
    bits = 7 * length_bytes
    value = int.from_bytes(head[id_bytes : id_bytes + length_bytes], "big") & ((1 << bits) - 1)
    unknown = value == (1 << bits) - 1
    return int.from_bytes(head[:id_bytes], "big"), None if unknown else value, position + id_bytes + length_bytes


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
