"""Picture files before they are decoded: which names they have, and whether one was cut short. Plain Python."""

import re
from collections.abc import Sequence

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""The formats that OpenCV decodes on every system, in lower case."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # in scan data, FF 00 is a pixel and FF D0 to D7 a restart
_PNG_END = b"IEND\xae\x42\x60\x82"
_ALONE, _START, _END = 0x01, 0xD8, 0xD9


def is_whole(data: bytes) -> bool:
    """Return whether a JPEG or PNG file has its end. OpenCV fills the rest of a cut file with other pixels, in silence.

    Files of other formats are only checked not to be empty.

    Args:
        data: the content of the file. Data behind the picture's end, like the film of a motion photo, is ignored.
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
    """Return the line that says how many samples of a set could not be used, and names the first."""
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"left out {len(names)} {sample}(s) that cannot be decoded: {shown}"
