"""RTSP and HTTP streams are read through OpenCV."""

from urllib.parse import urlsplit

from edge import video
from edge.errors import FileError, InputError
from edge.imaging import Image
from edge.secret import without_secret
from edge.sources.base import Device, Source
from edge.sources.options import DEFAULT as NO_OPTIONS
from edge.sources.options import SourceOptions
from edge.sources.supervised import DEFAULT, RetryPolicy, SupervisedSource

_WITH_HOST = ("rtsp", "rtsps", "rtmp", "http", "https")
"""Schemes whose addresses name a server."""


class _Capture(Device):
    def __init__(self, target: str, name: str, timeout: float | None) -> None:
        self._name = name
        self._capture = video.Capture(target, name, timeout)

    def read(self) -> Image:
        """Return the next picture. See ``Device``."""
        image = self._capture.read()
        if image is None:
            raise FileError(f"source {self._name}: it stopped giving frames")
        return image

    def close(self) -> None:
        """Release the device. See ``Device``."""
        self._capture.close()


def open_stream(text: str, options: SourceOptions = NO_OPTIONS, retry: RetryPolicy = DEFAULT) -> Source:
    """Return the source of a network stream.

    A server that does not answer is tried again without end, because servers start and restart independently of this
    machine. Each attempt is reported. A video file behind an http:// address is opened again when it ends; download it
    to run it once.

    Args:
        text: an address such as ``rtsp://user:password@host/path``. No message or result contains the password.
        options: what was asked of it.
        retry: how long to wait for frames, and before the stream is opened again.

    Raises:
        InputError: the address has no host, or the stream does not have one of the options.
    """
    options.refuse_all_but("a stream")
    name = without_secret(text)
    if urlsplit(text).scheme in _WITH_HOST and not urlsplit(text).hostname:
        raise InputError(f"a stream's address must have a host, such as rtsp://host/path, got {name}")
    return SupervisedSource(name, lambda: _Capture(text, name, retry.stall), retry=retry)
