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

_PNM = re.compile(rb"P[1-6Ff](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s")

_PAM = re.compile(rb"\n(WIDTH|HEIGHT)\s+(\d{1,9})(?=\s)")
_RADIANCE = re.compile(rb"#\?[^\n]*\n(?:[^\n]+\n)*\n[-+]Y\s+(\d{1,9})\s+[-+]X\s+(\d{1,9})\s")
"""The size stands behind the first empty line."""


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels that a picture file states, or None when the head does not say.

    Args:
        data: the content of a JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000, PNM, PAM, PFM, Radiance HDR, Sun
            raster or OpenEXR file. Formats that no OpenCV decodes state no size.
    """
    try:
        return _size(data)
    except (struct.error, OverflowError):  # the head is cut or damaged
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
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(data)
    if data[4:8] == b"ftyp":
        return _boxed(data, b"ispe", ">4xII")
    if data[4:8] == b"jP  " or data.startswith(b"\xff\x4f\xff\x51"):
        return _jpeg_2000(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _unpack("<HH", data, 6)
    if data.startswith(b"\x59\xa6\x6a\x95"):  # Sun raster
        return _unpack(">II", data, 4)
    if data.startswith(b"\x76\x2f\x31\x01"):
        return _open_exr(data)
    return _textual(data)


def _textual(data: bytes) -> tuple[int, int] | None:
    """Read the heads that are text: PNM, PFM, PAM and Radiance HDR, which states the height first."""
    if match := _PNM.match(data):
        return int(match[1]), int(match[2])
    if data[:2] == b"P7":
        stated = [(name, int(value)) for name, value in _PAM.findall(data[: 1 << 16].partition(b"ENDHDR")[0])]
        width, height = (max((n for m, n in stated if m == name), default=0) for name in (b"WIDTH", b"HEIGHT"))
        return (width, height) if width and height else None
    match = _RADIANCE.match(data[: 1 << 16])
    return (int(match[2]), int(match[1])) if match else None


def _jpeg_2000(data: bytes) -> tuple[int, int] | None:
    """Return the largest size that boxes ``ihdr``, height first, and codestreams state (ITU-T T.800, A.5.1)."""
    boxed = _boxed(data, b"ihdr", ">II")
    sizes = [boxed[::-1]] if boxed else []
    stream = _boxed(data, b"\xff\x4f\xff\x51", ">4xII")
    return max([*sizes, *([stream] if stream else [])], key=lambda size: size[0] * size[1], default=None)


def _open_exr(data: bytes) -> tuple[int, int] | None:
    """Read the attribute dataWindow, whose last pixels belong to the picture."""
    place = data.find(b"dataWindow\0box2i\0", 0, 1 << 16)
    if place < 0:
        return None
    left, top, right, bottom = struct.unpack_from("<4i", data, place + 21)
    return abs(right - left) + 1, abs(bottom - top) + 1


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
    return abs(width), abs(height)  # a negative height means that the first row is the top one


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
    """Read ImageWidth (256) and ImageLength (257) of the first directory (TIFF 6.0, section 2, and BigTIFF)."""
    order, big = "<" if data[:2] == b"II" else ">", b"+" in data[2:4]
    (directory,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", data, 8 if big else 4)
    (entries,) = struct.unpack_from(f"{order}Q" if big else f"{order}H", data, directory)
    first, length, value = (directory + 8, 20, 12) if big else (directory + 2, 12, 8)
    found: dict[int, int] = {}
    for number in range(entries):
        tag, kind = struct.unpack_from(f"{order}HH", data, first + length * number)
        if tag in (256, 257):
            form = {3: "H", 16: "Q"}.get(kind, "I")  # SHORT, LONG8 or LONG
            (stated,) = struct.unpack_from(f"{order}{form}", data, first + length * number + value)
            found[tag] = max(stated, found.get(tag, 0))
    return (found[256], found[257]) if len(found) == 2 else None


def _boxed(data: bytes, name: bytes, form: str) -> tuple[int, int] | None:
    """Return the largest size in boxes of a name: an AVIF file also states the sizes of its thumbnails and tiles."""
    places = [match.end() for match in re.finditer(re.escape(name), data[: 1 << 20])]
    return max((_unpack(form, data, at) for at in places), key=lambda size: size[0] * size[1], default=None)
