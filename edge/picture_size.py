"""``stated_size`` reads the width and height of a picture from the head of its file, before anything is decoded.

A small file can state a size that fills the memory (a decompression bomb).
"""

import re
import struct

_FRAME = re.compile(rb"\xff([\x01\xc0-\xfe])")
_NO_FRAMES = {0xC4, 0xC8, 0xCC}
"""Markers of JPEG between C0 and CF that begin no frame: DHT, JPG and DAC (ITU-T T.81, table B.1)."""
_ALONE = {0x01, *range(0xD0, 0xD9)}
_START_OF_SCAN = 0xDA

_PNM = re.compile(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels that a picture file states, or None when the head does not say.

    Args:
        data: the content of a JPEG, PNG, BMP, WebP, TIFF, AVIF, JPEG 2000 or PNM file.
    """
    try:
        return _size(data)
    except struct.error:  # the head is cut
        return None


def _size(data: bytes) -> tuple[int, int] | None:
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG"):
        return _unpack(">II", data, 16)
    if data.startswith(b"BM"):
        return _bmp(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff(data)
    if data[4:8] == b"ftyp":
        return _boxed(data, b"ispe", ">4xII")
    if data[4:8] == b"jP  ":
        size = _boxed(data, b"ihdr", ">II")
        return size and size[::-1]  # height comes first
    match = _PNM.match(data)
    return (int(match[1]), int(match[2])) if match else None


def _unpack(form: str, data: bytes, at: int) -> tuple[int, int]:
    width, height = struct.unpack_from(form, data, at)
    return int(width), int(height)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Follow the segments to the frame header (ITU-T T.81, B.2.2)."""
    position = 2
    while marker := _FRAME.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _START_OF_SCAN:
            return None
        if 0xC0 <= code <= 0xCF and code not in _NO_FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        if code not in _ALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    return None


def _bmp(data: bytes) -> tuple[int, int]:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = _unpack("<HH" if header == 12 else "<ii", data, 18)
    return width, abs(height)  # a negative height means that the first row is the top one


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = _unpack("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes) -> tuple[int, int] | None:
    """Read ImageWidth (256) and ImageLength (257) of the first directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", data, 4)
    (entries,) = struct.unpack_from(f"{order}H", data, directory)
    found = {}
    for number in range(entries):
        tag, kind = struct.unpack_from(f"{order}HH", data, directory + 2 + 12 * number)
        if tag in (256, 257):
            form = "H" if kind == 3 else "I"  # SHORT or LONG
            (found[tag],) = struct.unpack_from(f"{order}{form}", data, directory + 2 + 12 * number + 8)
    return (found[256], found[257]) if len(found) == 2 else None


def _boxed(data: bytes, name: bytes, form: str) -> tuple[int, int] | None:
    """Return the largest size in boxes of a name: an AVIF file also states the sizes of its thumbnails and tiles."""
    places = [match.end() for match in re.finditer(re.escape(name), data[: 1 << 20])]
    return max((_unpack(form, data, at) for at in places), key=lambda size: size[0] * size[1], default=None)
