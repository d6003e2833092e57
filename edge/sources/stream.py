"""Live pictures through OpenCV: V4L2 cameras, RTSP and HTTP streams."""

import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edge import video
from edge.errors import FileError
from edge.imaging import Image
from edge.sources.base import Device, Source
from edge.sources.supervised import DEFAULT, RetryPolicy, SupervisedSource

_DIGITS = re.compile(r"\d+$")


class _Capture(Device):
    def __init__(self, target: str, name: str, timeout: float | None) -> None:
        self._name = name
        self._capture = video.Capture(target, name, timeout)

    def read(self) -> Image:
        """See Device."""
        image = self._capture.read()
        if image is None:
            raise FileError(f"source {self._name}: it stopped giving frames")
        return image

    def close(self) -> None:
        """See Device."""
        self._capture.close()


def open_camera(text: str) -> Source:
    """text: ``0`` or ``/dev/video0``.

    A camera that is not there or does not open at the first try is an error (FileError): most likely the number
    is wrong. One that fails later is opened again until it is back.
    """
    number = _DIGITS.search(text)
    device = Path(f"/dev/video{number[0]}" if number and not text.startswith("/") else text)
    if not device.exists():
        have = sorted(str(p) for p in Path("/dev").glob("video*"))
        raise FileError(
            f"camera {device} does not exist; this machine has {', '.join(have) or 'no camera'}; "
            "connect one, or name another source"
        )
    name = str(device)
    return SupervisedSource(name, lambda: _Capture(name, name, None), must_open=True)


def open_stream(text: str, retry: RetryPolicy = DEFAULT) -> Source:
    """text: an address such as ``rtsp://user:password@host/path``; the password appears in no message or result.

    A server that does not answer is tried again without end, as servers start and restart independently of this
    machine; each try is reported. An http:// file that ends is opened again: download it to run it once.
    """
    name = without_secret(text)
    return SupervisedSource(name, lambda: _Capture(text, name, retry.stall), retry=retry)


def without_secret(address: str) -> str:
    """Return ``address`` without its user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
