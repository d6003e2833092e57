"""This source yields an image, all images of a folder, or all that match a pattern. It is lossless.

They come in natural order: ``img2.jpg`` before ``img10.jpg``, and capitals do not matter.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge import opencv_messages
from edge.errors import FileError, InputError
from edge.files import refuse_special
from edge.frames import Frame
from edge.imaging import Image
from edge.labels import printable
from edge.patterns import matching
from edge.picture_orientation import stated_orientation, upright
from edge.picture_size import stated_size
from edge.pictures import MORE_SUFFIXES, SUFFIXES, is_whole
from edge.reports import Report, to_stderr
from edge.secret import shown
from edge.sources.base import Source
from edge.sources.options import DEFAULT, SourceOptions
from edge.sources.realtime import Realtime

MAX_PIXELS = 1 << 28
"""The most pixels of a picture: 768 MiB when it is decoded. The largest sensors of phones have 200 million."""

MAX_BYTES = 1 << 30

_ALL_SUFFIXES = (*SUFFIXES, *MORE_SUFFIXES)
_HEIC = (".heic", ".heif", ".hif")
_HEIC_ADVICE = (
    "OpenCV cannot read HEIC: convert with heif-convert or ffmpeg, or set the phone to take JPEG (Most Compatible)"
)
_NUMBER = re.compile(r"(\d+)")

opencv_messages.hide()


def open_images(text: str, options: SourceOptions = DEFAULT) -> Source:
    """Return the source of an image, a folder or a pattern.

    Args:
        text: the path or pattern.
        options: what is asked of it. ``realtime`` needs a ``rate``: the pictures per second.

    Raises:
        FileError: there are no images.
        InputError: it does not have one of the options.
    """
    options.refuse_all_but("a source of images", "realtime", *(["rate"] if options.realtime else []))
    if not options.realtime:
        return Images(text)
    if options.rate is None:
        raise InputError("images in real time must have a rate, such as 2 a second, because their files state none")
    return Realtime(Images(text), 1 / options.rate)


class Images(Source):
    """The images directly inside a folder, or those that match a pattern, in formats that OpenCV decodes.

    A file that is damaged, incomplete or too large is reported in one line and counted in ``lost_frames``. Of a file
    with several images, such as an animation, the first one is read.
    """

    live = False
    fps = None

    def __init__(self, path: str | Path, report: Report = to_stderr) -> None:
        """List the images. Raises FileError when there are none.

        Args:
            path: a file, a folder, or a pattern with ``*``, ``?`` and ``**`` for any folders.
            report: takes one line for each file that is left out.
        """
        self.name = printable(str(path))
        self.lost_frames = 0
        self._report = report
        self._closed = False
        self._paths, heic = _listed(Path(path))
        if heic:
            self._report(f"left out {len(heic)} HEIC file(s), such as {printable(str(heic[0]))}: {_HEIC_ADVICE}")

    def __iter__(self) -> Iterator[Frame]:
        """Yield one frame per image; its ``source`` is the image's path. Raises FileError when none can be decoded."""
        index = self.lost_frames = 0
        for path in self._paths:
            if self._closed:
                return
            try:
                image = load_image(path)
            except FileError as error:
                self.lost_frames += 1
                self._report(f"skipped {error} ({self.lost_frames} so far)")
                continue
            yield Frame(image, "BGR", index, time.time_ns(), "decode", printable(str(path)))
            index += 1
        if not index:
            raise FileError(f"source {self.name} holds no image that can be decoded")

    def close(self) -> None:
        """See Source."""
        self._closed = True


def load_image(path: Path) -> Image:
    """Return the picture of a file, (height, width, 3) uint8 BGR, upright by its EXIF data.

    16-bit pictures are scaled to 8 bits, and an alpha channel is dropped.

    Raises:
        FileError: the file cannot be read, is damaged, incomplete or too large. The message begins with its path.
    """
    name = printable(str(path))
    refuse_special(path, f"{name}: a picture")
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise FileError(f"{name}: it cannot be read: {error.strerror or error}") from error
    if size > MAX_BYTES:
        raise FileError(f"{name}: a picture file must have at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB")
    try:
        return decode_image(data)
    except InputError as error:
        raise FileError(f"{name}: {error}") from None


def decode_image(data: bytes) -> Image:
    """Return the picture in the content of a file. See ``load_image``.

    Raises:
        InputError: the content is damaged, incomplete or too large.
    """
    size = stated_size(data)
    if size is None:
        raise InputError("not a whole image that can be decoded")
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"a picture must have at most {MAX_PIXELS // 10**6} million pixels, got {width}x{height}; make it smaller"
        )
    turned_here = data[8:12] in (b"WEBP", b"avif")
    flags = cv2.IMREAD_COLOR | (cv2.IMREAD_IGNORE_ORIENTATION if turned_here else 0)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if is_whole(data) else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError("not a whole image that can be decoded")
    return upright(np.asarray(image, np.uint8), stated_orientation(data) if turned_here else 1)


def _listed(path: Path) -> tuple[list[Path], list[Path]]:
    """Return the images and the HEIC files of a file, folder or pattern."""
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        refuse_special(path, f"picture {printable(str(path))}")
        return [path], []
    matches = matching(str(path))
    found, heic = _pictures(matches)
    if not found:
        raise FileError(
            f"pattern {shown(str(path))!r} must match images ({', '.join(SUFFIXES)}), found {_count(matches)}"
        )
    return found, heic


def _in_folder(path: Path) -> tuple[list[Path], list[Path]]:
    try:
        inside = list(path.iterdir())
    except OSError as error:
        raise FileError(f"folder {path} cannot be read: {error.strerror or error}") from error
    found, heic = _pictures(inside)
    if found:
        return found, heic
    if heic:
        raise FileError(f"folder {path} holds only HEIC pictures. {_HEIC_ADVICE}")
    inner = min((p for p in inside if p.is_dir()), default=None, key=_natural)
    advice = f"; give one of its folders, such as {inner}, or the pattern {path / '**' / '*'}" if inner else ""
    raise FileError(f"folder {path} must hold images ({', '.join(SUFFIXES)}), found none{advice}")


def _pictures(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Return the images and the HEIC files among paths, in natural order. Hidden files are left out."""
    seen = sorted((p for p in paths if not p.name.startswith(".")), key=_natural)
    found, heic = ([p for p in seen if p.suffix.lower() in ends and p.is_file()] for ends in (_ALL_SUFFIXES, _HEIC))
    return found, heic


def _natural(path: Path) -> tuple[list[list[tuple[int, str]]], str]:
    """Return the key of natural order: numbers inside names count as numbers, one folder after the other."""
    return [[_part(part) for part in _NUMBER.split(name)] for name in path.parts], str(path)


def _part(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text.casefold())


def _count(matches: list[Path]) -> str:
    return f"{len(matches)} other file(s)" if matches else "none"
