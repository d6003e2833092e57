"""Sources yield frames. Each source has a file and a row in the table. Importing this package imports no source.

    with open_source("clip.avi") as source:
        for frame in source:
            ...

Another package adds a source with an entry point of the group ``edge.sources``. It names a function that takes the text
after ``NAME:`` and returns a ``Source``.
"""

import re
from pathlib import Path

from edge import pictures, registry
from edge.errors import FileError, InputError
from edge.frames import Frame
from edge.registry import Entry
from edge.sources.base import Source
from edge.sources.options import DEFAULT, SourceOptions

__all__ = ["SOURCES", "Frame", "Source", "names", "open_source"]

SOURCES: dict[str, Entry] = {
    "video": Entry("edge.sources.video:Video", "a video file: every frame, in order"),
    "images": Entry("edge.sources.images:Images", "an image or a folder of images: every one, sorted by name"),
    "camera": Entry("edge.sources.stream:open_camera", "a V4L2 camera: 0 or /dev/video0"),
    "stream": Entry("edge.sources.stream:open_stream", "rtsp:// or http:// through OpenCV"),
    "synthetic": Entry("edge.sources.synthetic:open_synthetic", "frames drawn here: synthetic[:WxH@FPS]"),
    "picamera": Entry(
        "edge.sources.picamera:open_picamera",
        "the Raspberry Pi's camera: picamera[:WxH@FPS]",
        "picamera",
        ("picamera2",),
    ),
}

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp")
_CAMERA = re.compile(r"\d+|/dev/video\d+")


def names() -> list[str]:
    """Return the name of every source, installed or not."""
    return registry.names("source", SOURCES)


def open_source(text: str, options: SourceOptions = DEFAULT) -> Source:
    """Open a source.

    Args:
        text: the value of ``edge-camera --source``: ``0`` or ``/dev/video0``, a video or image file, a folder of
            images, an rtsp:// or http:// address, ``picamera``, ``synthetic[:WxH@FPS]``, or ``NAME:…`` for a plug-in.

    Raises:
        FileError: the file, folder or camera does not exist.
        InputError: the text describes no source.
        MissingExtra: a dependency is not installed.
    """
    kind, rest = _kind(text)
    source: Source = registry.load("source", SOURCES, kind)(rest)
    return source


def _kind(text: str) -> tuple[str, str]:
    """Return the name of the source for ``text``, and the text to open it with."""
    name, _, rest = text.partition(":")
    if name in ("synthetic", "picamera"):
        return name, rest
    if _CAMERA.fullmatch(text):
        return "camera", text
    if "://" in text:
        return _stream(text)
    if name not in SOURCES and name in names():
        return name, rest
    return _file(text)


def _stream(text: str) -> tuple[str, str]:
    scheme = text.partition("://")[0].lower()
    if scheme not in STREAM_SCHEMES:
        raise InputError(f"a stream's address must begin with one of {', '.join(STREAM_SCHEMES)}, got {scheme}://")
    return "stream", text


def _file(text: str) -> tuple[str, str]:
    path = Path(text)
    if not text or not path.exists():
        raise FileError(
            f"source {text!r} does not exist: expected a camera number, a video, an image, a folder of images, "
            "an rtsp:// or http:// address, picamera or synthetic"
        )
    return ("images" if path.is_dir() or path.suffix.lower() in pictures.SUFFIXES else "video"), text
