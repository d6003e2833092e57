"""Sources yield frames. Each source has a file and a row in the table. Importing this package imports no source.

    with open_source("clip.avi", SourceOptions(rotate=90)) as source:
        for frame in source:
            ...

A row names a function of the text and the options (``edge.sources.options``). It opens the source, and refuses the
options that the source does not have. Rotation, flip, region and name are applied here, to every source.

Another package adds a source with an entry point of the group ``edge.sources``. It names a function that takes the text
after ``NAME:`` and returns a ``Source``. A function with a parameter ``options`` gets the options by that name. For one
without it, size, rate, format, realtime and options of its own are refused.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from edge import pictures, registry
from edge.errors import FileError, InputError
from edge.frames import Frame
from edge.registry import Entry
from edge.secret import shown
from edge.sources.base import Source
from edge.sources.options import DEFAULT, SourceOptions

__all__ = ["SOURCES", "Frame", "Source", "SourceOptions", "names", "open_source"]

SOURCES: dict[str, Entry] = {
    "video": Entry("edge.sources.video:open_video", "a video file: every frame, in order"),
    "images": Entry(
        "edge.sources.images:open_images", "an image, a folder of images or a pattern: every one, in natural order"
    ),
    "camera": Entry("edge.sources.camera:open_camera", "a V4L2 camera: 0 or /dev/video0"),
    "stream": Entry("edge.sources.stream:open_stream", "rtsp:// or http:// through OpenCV"),
    "synthetic": Entry("edge.sources.synthetic:open_synthetic", "frames drawn here: synthetic[:WxH@FPS][?faults=…]"),
    "picamera": Entry(
        "edge.sources.picamera:open_picamera",
        "the Raspberry Pi's camera: picamera[:WxH@FPS]",
        "picamera",
        ("picamera2",),
    ),
}

STREAM_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp")
_CAMERA = re.compile(r"\d+|/dev/video\d+|/dev/v4l/.+")
_PATTERN = re.compile(r"[*?[]")


def names() -> list[str]:
    """Return the name of every source, installed or not."""
    return registry.names("source", SOURCES)


def open_source(text: str, options: SourceOptions = DEFAULT) -> Source:
    """Open a source.

    Args:
        text: the value of ``edge-camera --source``: ``0`` or ``/dev/video0``, a video or image file, a folder of
            images, a pattern such as ``photos/**/*.jpg``, an rtsp:// or http:// address, ``picamera[:WxH@FPS]``,
            ``synthetic[:WxH@FPS]``, or ``NAME:…`` for a plug-in.
        options: what is asked of it.

    Raises:
        FileError: the file, folder or camera does not exist.
        InputError: the text describes no source, or the source does not have one of the options.
        MissingExtra: a dependency is not installed.
    """
    kind, rest = _kind(text)
    factory = registry.load("source", SOURCES, kind)
    source: Source = factory(rest, options) if kind in SOURCES else _from_plug_in(kind, factory, rest, options)
    if not options.transforms and (not options.name or options.name == source.name):
        return source
    from edge.sources.transformed import Transformed  # most sources are used as they are

    return Transformed(source, options)


def _from_plug_in(kind: str, factory: Callable[..., Source], rest: str, options: SourceOptions) -> Source:
    try:
        takes_options = "options" in inspect.signature(factory).parameters
    except ValueError:  # a function of an extension module that states no signature
        takes_options = False
    if takes_options:
        return factory(rest, options=options)
    options.refuse_all_but(f"source {kind!r}")
    return factory(rest)


def _kind(text: str) -> tuple[str, str]:
    """Return the name of the source for ``text``, and the text to open it with."""
    name, _, rest = text.partition(":")
    if name in ("synthetic", "picamera"):
        return name, rest
    if text.startswith("synthetic?"):
        return "synthetic", text.removeprefix("synthetic")
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
        raise InputError(
            f"a stream's address must begin with one of {', '.join(STREAM_SCHEMES)}, got {shown(scheme)}://"
        )
    return "stream", text


def _file(text: str) -> tuple[str, str]:
    path = Path(text)
    if text and path.exists():
        pictured = path.is_dir() or path.suffix.lower() in (*pictures.SUFFIXES, *pictures.MORE_SUFFIXES)
        return ("images" if pictured else "video"), text
    if _PATTERN.search(text):
        return "images", text
    raise FileError(
        f"source {shown(text)!r} does not exist: expected a camera number, a video, an image, a folder of images, "
        "a pattern such as photos/**/*.jpg, an rtsp:// or http:// address, picamera or synthetic"
    )
