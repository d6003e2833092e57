"""``JpegScanner`` finds whole JPEG pictures in a stream of bytes by their own markers (ITU-T T.81, annex B).

Motion JPEG servers separate pictures by a boundary and state their lengths, and many state them wrongly. A picture
begins and ends by markers that occur nowhere inside it, so that neither is needed.
"""

import re

from edge.errors import InputError

MAX_PICTURE_BYTES = 32 << 20
"""The longest picture. Cameras of 50 megapixels make files of about half of it."""

MAX_GAP_BYTES = 64 << 10
"""The most bytes between two pictures: the boundary and headers take about 100."""

_SOI = b"\xff\xd8\xff"
"""The begin of every JPEG file: the first marker, and the first byte of the next."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # in scan data, FF 00 is a pixel and FF D0 to D7 a restart
_START, _END = 0xD8, 0xD9
_LEAST_MARKER = 0xC0


class JpegScanner:
    """Collects bytes and returns the pictures that are complete.

    Attributes:
        damaged: how many pictures were cut, and left out.
    """

    def __init__(self) -> None:
        """Start without bytes."""
        self.damaged = 0
        self._bytes = bytearray()
        self._inside, self._position, self._gap = False, 0, 0

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes of any number and return the pictures that they complete.

        Raises:
            InputError: the bytes are no stream of pictures, or a picture is longer than MAX_PICTURE_BYTES.
        """
        self._bytes += data
        found: list[bytes] = []
        while self._find_start() if not self._inside else self._find_end(found):
            pass
        return found

    def _find_start(self) -> bool:
        """Drop what precedes a picture. Return whether its begin is there."""
        start = self._bytes.find(_SOI)
        dropped = max(0, len(self._bytes) - len(_SOI) + 1) if start < 0 else start
        del self._bytes[:dropped]
        self._gap += dropped
        if self._gap > MAX_GAP_BYTES:
            raise InputError(f"a stream of JPEG pictures must have one every {MAX_GAP_BYTES >> 10} KiB, found none")
        self._inside, self._position = start >= 0, 2
        return self._inside

    def _find_end(self, found: list[bytes]) -> bool:
        """Follow the markers of a picture. Return whether its end, or that it is cut, is known."""
        while marker := _MARKER.search(self._bytes, self._position):
            code, end = marker[1][0], marker.end()
            if code == _END:
                found.append(bytes(self._bytes[:end]))
                self._leave(end)
                return True
            if code == _START or code < _LEAST_MARKER:
                self.damaged += 1
                self._leave(marker.start() if code == _START else end)
                return True
            if len(self._bytes) < end + 2:
                self._position = marker.start()
                return self._wait()
            self._position = end + max(2, int.from_bytes(self._bytes[end : end + 2], "big"))
        # The last byte may be the first of a marker. A position beyond the bytes lies in a segment that is to come.
        self._position = max(self._position, len(self._bytes) - 1)
        return self._wait()

    def _leave(self, end: int) -> None:
        del self._bytes[:end]
        self._inside, self._gap = False, 0

    def _wait(self) -> bool:
        if len(self._bytes) > MAX_PICTURE_BYTES:
            raise InputError(f"a JPEG picture of a stream must have at most {MAX_PICTURE_BYTES >> 20} MiB")
        return False
