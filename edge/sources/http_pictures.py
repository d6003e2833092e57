"""Pictures over HTTP: Motion JPEG, and addresses that give one picture for each request.

The server's content type tells which of them an address is. Other video, such as HLS, goes to FFmpeg.
"""

import time
from collections import deque
from collections.abc import Callable

import cv2
import numpy as np

from edge.errors import FileError, InputError
from edge.imaging import Image
from edge.picture_size import stated_size
from edge.pictures import is_whole
from edge.sources.base import Device
from edge.sources.http_client import Client, Response
from edge.sources.images import MAX_PIXELS
from edge.sources.jpeg_stream import MAX_PICTURE_BYTES, JpegScanner

CHUNK_BYTES = 64 << 10

SNAPSHOT_RATE = 1.0
"""How many pictures a second a snapshot address is asked for, if nobody states it."""

LONGEST_RATE = 50.0
"""The most requests a second of a server that ends the stream after each picture."""


def open_pictures(client: Client, rate: float | None, open_video: Callable[[], Device]) -> Device:
    """Ask for an address, and return the device for what the server gives.

    Args:
        client: asks for the address.
        rate: how many pictures a second a snapshot address is asked for, and the most that a stream gives.
        open_video: opens the address as a video.

    Raises:
        FileError: there is no answer, or it is no picture and no video.
    """
    response = client.get()
    kind = response.kind
    if kind.startswith("multipart/"):
        return MotionJpeg(client, response, rate)
    if kind.startswith("image/"):
        return Snapshots(client, response, rate or SNAPSHOT_RATE)
    response.close()
    if kind.startswith("text/") or kind == "application/json":
        raise FileError(
            f"stream {client.name} must give pictures or video, got {kind}: this is a page for people; "
            "look up the address of the camera's MJPEG stream or snapshots"
        )
    return open_video()


class MotionJpeg(Device):
    """A stream of JPEG pictures. A picture that is cut or cannot be decoded is left out and counted."""

    def __init__(self, client: Client, response: Response, rate: float | None = None) -> None:
        """Read from the answer ``response`` of ``client``, at most ``rate`` pictures a second."""
        self._client, self._response = client, response
        self._scanner, self._found = JpegScanner(), deque[bytes]()
        self._any, self._asked, self._interrupted = False, time.monotonic(), False
        self._interval, self._due = 1 / rate if rate else 0.0, self._asked
        response.deadline.at = None  # the supervision interrupts a stall, which takes long when pictures are rare

    def read(self) -> Image:
        """Return the next picture. See ``Device``."""
        while True:
            while not self._found:
                self._receive()
            data, self._any = self._found.popleft(), True
            if not self._is_due():
                continue
            image = decoded(data)
            if image is not None:
                return image
            self.damaged += 1

    def close(self) -> None:
        """Close the connection. See ``Device``."""
        self._response.close()

    def interrupt(self) -> None:
        """See ``Device``."""
        self._interrupted = True
        self._response.interrupt()

    def _is_due(self) -> bool:
        """Return whether the rate allows a picture at this moment."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = max(self._due + self._interval, now - self._interval) if self._interval else now
        return True

    def _receive(self) -> None:
        """Read what has arrived. Ask again when the server ended the stream after a picture."""
        name = self._client.name
        try:
            data = self._response.read(CHUNK_BYTES)
            self._found.extend(self._scanner.feed(data))
        except OSError as error:
            raise FileError(f"stream {name} stopped giving frames: {error.strerror or 'no answer'}") from None
        except InputError as error:
            raise FileError(f"stream {name}: {error}") from None
        self.damaged, self._scanner.damaged = self.damaged + self._scanner.damaged, 0
        if not data and (self._interrupted or not self._any):
            raise FileError(f"stream {name} has ended")
        if not data:
            self._ask_again()

    def _ask_again(self) -> None:
        """Ask for the next picture, at most LONGEST_RATE times a second."""
        self._response.close()
        time.sleep(max(0.0, self._asked + 1 / LONGEST_RATE - time.monotonic()))
        self._asked, self._any = time.monotonic(), False
        self._scanner = JpegScanner()
        self._response = self._client.get()
        self._response.deadline.at = None


class Snapshots(Device):
    """Asks for a picture at a rate. A picture that is cut or cannot be decoded is left out and counted."""

    def __init__(self, client: Client, response: Response, rate: float) -> None:
        """Begin with the answer ``response`` of ``client``, then ask ``rate`` times a second."""
        self._client, self._response, self._interval = client, response, 1 / rate
        self._due = time.monotonic()
        self._first, self._interrupted = True, False

    def read(self) -> Image:
        """Wait until the next picture is due and return it. See ``Device``."""
        while not self._interrupted:
            if not self._first:
                self._wait()
                self._response = self._client.get()
            self._first = False
            image = decoded(self._body())
            if image is not None:
                return image
            self.damaged += 1
        raise FileError(f"stream {self._client.name} was given up")

    def close(self) -> None:
        """Close the connection. See ``Device``."""
        self._response.close()

    def interrupt(self) -> None:
        """See ``Device``."""
        self._interrupted = True
        self._response.interrupt()

    def _wait(self) -> None:
        self._due = max(self._due + self._interval, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))

    def _body(self) -> bytes:
        """Read the answer. What is cut, or longer than a picture may be, is no whole picture."""
        body = bytearray()
        with self._response as response:
            try:
                while len(body) <= MAX_PICTURE_BYTES and (data := response.read(CHUNK_BYTES)):
                    body += data
            except TimeoutError:
                raise FileError(f"stream {self._client.name} sends a picture too slowly") from None
            except OSError:
                return b""
        return bytes(body) if len(body) <= MAX_PICTURE_BYTES else b""


def decoded(data: bytes) -> Image | None:
    """Return a picture file as (height, width, 3) uint8 BGR, or None when it is cut, too large or cannot be decoded."""
    width, height = stated_size(data) or (0, 0)
    if width * height > MAX_PIXELS or not is_whole(data):
        return None
    try:
        image: Image | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return image
