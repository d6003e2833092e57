"""This source yields an image, or all images of a folder, sorted by name. It is lossless."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.errors import FileError
from edge.frames import Frame
from edge.imaging import Image
from edge.labels import printable
from edge.pictures import SUFFIXES, is_whole
from edge.reports import Report, to_stderr
from edge.sources.base import Source


class Images(Source):
    """The images directly inside a folder, in formats that OpenCV decodes. Subfolders are not searched.

    A file that is damaged or incomplete is reported in one line and counted in ``skipped``.
    """

    live = False
    fps = None

    def __init__(self, path: str | Path, report: Report = to_stderr) -> None:
        """List the images. Raises FileError when there are none."""
        self.name = printable(str(path))
        self.skipped = 0
        self._report = report
        self._closed = False
        self._paths = _listed(Path(path))

    def __iter__(self) -> Iterator[Frame]:
        """Yield one frame per image; its ``source`` is the image's path. Raises FileError when none can be decoded."""
        index = self.skipped = 0
        for path in self._paths:
            if self._closed:
                return
            image, name = read_image(path), printable(str(path))
            if image is None:
                self.skipped += 1
                self._report(f"skipped {name}: not a whole image that can be decoded ({self.skipped} so far)")
                continue
            yield Frame(image, "BGR", index, time.time_ns(), "decode", name)
            index += 1
        if not index:
            raise FileError(f"source {self.name} holds no image that can be decoded")

    def close(self) -> None:
        """See Source."""
        self._closed = True


def read_image(path: Path) -> Image | None:
    """Return (height, width, 3) uint8 BGR, rotated by its EXIF data. None when the file is damaged or incomplete."""
    try:
        data = path.read_bytes()
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if is_whole(data) else None
    except (OSError, cv2.error):
        return None


def _listed(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    except OSError as error:
        raise FileError(f"folder {path} cannot be read: {error.strerror or error}") from error
    if not found:
        inner = next((p for p in sorted(path.iterdir()) if p.is_dir()), None)
        advice = f"; give one of its folders, such as {inner}" if inner else ""
        raise FileError(f"folder {path} must hold images ({', '.join(SUFFIXES)}), found none{advice}")
    return found
