"""``upright`` turns pictures that OpenCV leaves as they lie: WebP before OpenCV 5, and AVIF.

OpenCV follows the EXIF orientation of JPEG, PNG and TIFF files itself.
"""

import re
import struct

import cv2
import numpy as np

from edge.imaging import Image

_ORIENTATION_TAG = 0x0112


def stated_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a WebP or AVIF file, from 1 (upright) to 8. 1 when it states none.

    Args:
        data: the content of the file.
    """
    try:
        found = _of_avif(data) if data[4:8] == b"ftyp" else _of_exif(_webp_exif(data))
    except (struct.error, IndexError):
        return 1
    return found if 1 <= found <= 8 else 1


def upright(image: Image, orientation: int) -> Image:
    """Return a picture turned and mirrored as its EXIF orientation says (CIPA DC-008, table 6).

    Args:
        image: (height, width, channels).
        orientation: 1 to 8: where row 0 and column 0 of the picture belong.
    """
    if orientation in (5, 6, 7, 8):
        image = np.asarray(cv2.transpose(image), np.uint8)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else np.asarray(cv2.flip(image, flip), np.uint8)


def _webp_exif(data: bytes) -> bytes:
    """Return the content of the EXIF chunk of a WebP file."""
    position = 12
    while position + 8 <= len(data):
        name, (length,) = data[position : position + 4], struct.unpack_from("<I", data, position + 4)
        if name == b"EXIF":
            return data[position + 8 : position + 8 + length].removeprefix(b"Exif\0\0")
        position += 8 + length + length % 2
    return b""


def _of_exif(exif: bytes) -> int:
    """Return the orientation in the first directory of EXIF data, which has the form of a TIFF file."""
    if exif[:2] not in (b"II", b"MM"):
        return 1
    order = "<" if exif[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    (entries,) = struct.unpack_from(f"{order}H", exif, directory)
    for number in range(entries):
        place = directory + 2 + 12 * number
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
        if tag == _ORIENTATION_TAG:
            return int(value)
    return 1


def _of_avif(data: bytes) -> int:
    """Return what the boxes irot and imir say (ISO/IEC 23008-12, 6.5.10 and 6.5.12): first turned, then mirrored."""
    head = data[: 1 << 16]
    turn, mirror = (
        re.search(re.escape(b"\0\0\0\x09" + name) + rb"(.)", head, re.DOTALL) for name in (b"irot", b"imir")
    )
    quarter_turns = turn[1][0] & 3 if turn else 0  # counter-clockwise
    if mirror is None:
        return (1, 8, 3, 6)[quarter_turns]
    # The axis is 0 for top and bottom exchanged, 1 for left and right.
    return (2, 7, 4, 5)[quarter_turns] if mirror[1][0] & 1 else (4, 5, 2, 7)[quarter_turns]
