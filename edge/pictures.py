"""Picture files before they are decoded: which names they have, and whether one was cut short. Plain Python."""

import re
from collections.abc import Sequence

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""In lower case: what OpenCV decodes everywhere."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # in scan data, FF 00 is a pixel and FF D0 to D7 a restart
_PNG_END = b"IEND\xae\x42\x60\x82"
_ALONE, _START, _END = 0x01, 0xD8, 0xD9


def is_whole(data: bytes) -> bool:
    """Whether a JPEG or PNG reaches its end: OpenCV fills what a cut one lacks with other pixels, and says nothing.

    data: the whole file. What follows the end, like the film of a motion photo, does not matter; other formats
    are only checked not to be empty.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg_ends(data)
    if data.startswith(b"\x89PNG"):
        return _PNG_END in data
    return len(data) > 0


def _jpeg_ends(data: bytes) -> bool:
    """Follow the segments to the end marker (ITU-T T.81, annex B); a thumbnail's lies inside a segment."""
    position = 2
    while marker := _MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _END:
            return True
        if code not in (_ALONE, _START):
            position += int.from_bytes(data[position : position + 2], "big")
    return False


def left_out(names: Sequence[str], sample: str = "image") -> str:
    """Return the line that says how many samples of a set could not be used, and names the first."""
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"left out {len(names)} {sample}(s) that cannot be decoded: {shown}"
