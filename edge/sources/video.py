"""This source yields all frames of a video file, in order. It is lossless."""

import time
from collections.abc import Iterator
from pathlib import Path

from edge import video
from edge.errors import FileError
from edge.frames import Frame
from edge.labels import printable
from edge.sources.base import Source


class Video(Source):
    """A video file. The thread that iterates decodes the frames and releases the decoder."""

    live = False

    def __init__(self, path: str | Path) -> None:
        """Open the file. Raises FileError when it is not a video that can be opened."""
        self.name, self._path = printable(str(path)), str(path)
        self._closed = False
        with video.Capture(self._path, self.name) as capture:
            self.fps = capture.fps

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames. Raises FileError when the file has none."""
        index = 0
        with video.Capture(self._path, self.name) as capture:
            while not self._closed and (image := capture.read()) is not None:
                yield Frame(image, "BGR", index, time.time_ns(), "decode", self.name)
                index += 1
        if not index and not self._closed:
            raise FileError(f"video {self.name} holds no frame that can be decoded; play it elsewhere to check it")

    def close(self) -> None:
        """See Source."""
        self._closed = True
