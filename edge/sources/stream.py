"""``open_stream`` opens network streams, each by the reader for its kind."""

import importlib.util
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from edge import video
from edge.errors import FileError, InputError, MissingExtra
from edge.imaging import Image
from edge.reports import to_stderr
from edge.secret import reveal, shown
from edge.sources.base import Device, Source
from edge.sources.options import DEFAULT as DEFAULT_OPTIONS
from edge.sources.options import SourceOptions
from edge.sources.stream_options import TRANSPORTS, HttpOptions, RtspOptions, StreamOptions, parse
from edge.sources.supervised import DEFAULT, OpenDevice, RetryPolicy, SupervisedSource

_WITH_HOST = ("rtsp", "rtsps", "rtmp", "http", "https")
"""Schemes whose addresses name a server."""

_AFTER_HOST = re.compile(r"[^:]*://[^/?#]*(.*)", re.DOTALL)
"""The path, query and fragment of an address."""

_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


class _Capture(Device):
    def __init__(self, target: str, name: str, timeout: float | None, ffmpeg: str = "") -> None:
        """Open a stream.

        Args:
            target: the address with its user and password.
            name: the name in messages, without them.
            timeout: the longest wait for the stream to open, and for a frame, in seconds.
            ffmpeg: options for FFmpeg as OpenCV takes them, ``name;value|name;value``.
        """
        self._name = name
        self.age_clock = "decode" if timeout else "arrival"  # FFmpeg's buffers hold frames of a stream
        with _ffmpeg_options(ffmpeg):
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


_options_lock = threading.Lock()


@contextmanager
def _ffmpeg_options(options: str) -> Iterator[None]:
    """Let OpenCV open a stream with options of FFmpeg, which it takes from the environment alone."""
    if not options:
        yield
        return
    with _options_lock:
        before = os.environ.get(_VARIABLE)
        os.environ.setdefault(_VARIABLE, options)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(_VARIABLE, None)


def open_stream(text: str, options: SourceOptions = DEFAULT_OPTIONS, retry: RetryPolicy = DEFAULT) -> Source:
    """Return the source of a network stream.

    A server that does not answer is tried again without end, because servers start and restart independently of this
    machine. A video file behind an http:// address is opened again when it ends; download it to run it once.

    Args:
        text: an address such as ``rtsp://user:password@host/path``, with secrets named as ``edge.secret.reveal`` fills
            them in. No message or result contains the user and the password.
        options: the name; the rate at which a snapshot address is asked; and the source's own options, which
            ``edge.sources.stream_options`` lists.
        retry: how long to wait for frames, and before the stream is opened again.

    Raises:
        InputError: the address has no host, a secret is not set, or an option is not for this stream.
        FileError: the file of a secret cannot be read.
        MissingExtra: PyAV is asked for and not installed.
    """
    address, name = _address(text)
    scheme = urlsplit(address).scheme.lower()
    _refuse(options, scheme)
    opening: Opening = {"rtsp": _rtsp, "rtsps": _rtsp, "http": _http, "https": _http}.get(scheme, _other)
    # Messages of two cameras on one host differ by the names that were given to them.
    given, open_device = opening(address, f"{options.name} ({name})" if options.name else name, options)
    return SupervisedSource(
        options.name or name,
        open_device,
        retry=replace(retry, opening=given.timeout) if "timeout" in options.options else retry,
        interval=1 / options.rate if options.rate else None,
    )


Opening = Callable[[str, str, SourceOptions], tuple[StreamOptions, OpenDevice]]
"""Returns the checked options of a stream and what opens it, for its address, its name, and what a person asked."""


def _rtsp(address: str, name: str, options: SourceOptions) -> tuple[StreamOptions, OpenDevice]:
    given = parse(RtspOptions, options.options, "an RTSP stream's")
    installed = importlib.util.find_spec("av") is not None
    if given.reader == "av" and not installed:
        raise MissingExtra("the source option reader=av needs av, not installed here: pip install 'edgekit[rtsp]'")
    opencv = given.reader == "opencv" or not installed
    ffmpeg = f"rtsp_transport;{TRANSPORTS[given.transport]}"

    def open_rtsp() -> Device:
        if given.transport != "http":  # a tunnel of FFmpeg's own
            from edge.sources import rtsp_redirects

            rtsp_redirects.refuse(address, name, given.timeout)
        if opencv:
            return _Capture(address, name, given.timeout, ffmpeg)
        from edge.sources.rtsp import RtspDevice  # PyAV, which only this stream needs

        return RtspDevice(address, name, given)

    return given, open_rtsp


def _http(address: str, name: str, options: SourceOptions) -> tuple[StreamOptions, OpenDevice]:
    from edge.sources import http_client  # TLS and the HTTP of the standard library

    given = parse(HttpOptions, options.options, "an HTTP stream's")
    if not given.verify and urlsplit(address).scheme.lower() == "https":
        to_stderr(f"source {name}: the server's certificate is not checked, as verify=false says")
    client = http_client.client(address, name, given.verify, given.timeout)

    def open_http() -> Device:
        from edge.sources.http_pictures import open_pictures

        return open_pictures(client, options.rate, lambda: _Capture(address, name, given.timeout))

    return given, open_http


def _other(address: str, name: str, options: SourceOptions) -> tuple[StreamOptions, OpenDevice]:
    given = parse(StreamOptions, options.options, "a stream's")
    return given, lambda: _Capture(address, name, given.timeout)


def _address(text: str) -> tuple[str, str]:
    """Return an address with its secrets, and its name without them. Raises InputError when it has no host."""
    name = shown(text)
    address = reveal(text, quoted=True)
    if "@" in _AFTER_HOST.sub(r"\1", address):
        raise InputError(
            f"a stream's address must have no @ after its host, got {name}; in a password write / as %2F, # as %23, "
            "? as %3F and @ as %40, or name it as ${NAME}; elsewhere write @ as %40"
        )
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its text would show what precedes the @
        raise InputError(f"a stream's address must be like rtsp://host:554/path, got {name}") from None
    if parts.scheme.lower() in _WITH_HOST and not host:
        raise InputError(f"a stream's address must have a host, such as rtsp://host/path, got {name}")
    return address, name


def _refuse(options: SourceOptions, scheme: str) -> None:
    """Raise InputError for what a stream cannot be asked for."""
    why = "a stream gives what the camera is set to"
    asked: dict[str, object] = {"size": options.size, "format": options.format, "realtime": options.realtime}
    if scheme not in ("http", "https"):
        asked["rate"] = options.rate
    for name, value in asked.items():
        if value:
            raise InputError(f"a stream must have no option {name!r}: {why}; leave it out")
