"""Checks of picture files before they are decoded: their suffixes, and whether a file is complete."""

import re
from collections.abc import Sequence

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""The formats that OpenCV decodes on every system, in lower case."""

MORE_SUFFIXES = (".avif", ".jfif", ".jp2", ".jpe", ".pgm", ".ppm")
"""Other formats of pictures, in lower case. OpenCV decodes those that it was built with."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # in scan data, FF 00 is a pixel and FF D0 to D7 a restart
_PNG_END = b"IEND\xae\x42\x60\x82"
_ALONE, _START, _END = 0x01, 0xD8, 0xD9


def is_whole(data: bytes) -> bool:
    """Return whether a JPEG or PNG file is complete. OpenCV fills missing parts of a file without an error.

    Files of other formats are complete unless they are empty.

    Args:
        data: the content of the file. Data after the picture, such as the video of a motion photo, is ignored.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg_ends(data)
    if data.startswith(b"\x89PNG"):
        return _PNG_END in data
    return len(data) > 0


def _jpeg_ends(data: bytes) -> bool:
    """Follow the segments to the end marker (ITU-T T.81, annex B). The end of a thumbnail lies inside a segment."""
    position = 2
    while marker := _MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _END:
            return True
        if code not in (_ALONE, _START):
            position += int.from_bytes(data[position : position + 2], "big")
    return False


def left_out(names: Sequence[str], sample: str = "image") -> str:
    """Return the line for the user on samples that cannot be decoded: their number, and the names of the first."""
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"left out {len(names)} {sample}(s) that cannot be decoded: {shown}"
