"""This source yields all frames of a video file, in order. It is lossless, and goes on after damaged frames."""

import time
from collections.abc import Iterator
from pathlib import Path

from edge.errors import FileError
from edge.files import refuse_special
from edge.frames import Frame
from edge.imaging import Image
from edge.labels import printable
from edge.reports import Report, to_stderr
from edge.sources.base import Source
from edge.sources.options import DEFAULT, SourceOptions
from edge.sources.realtime import Realtime
from edge.sources.video_interlaced import FileCapture
from edge.sources.video_losses import VideoLosses

USUAL_RATE = 30.0
"""The frames per second at which a file that states no rate is played."""

MIN_ATTEMPTS, MAX_ATTEMPTS = 100, 10_000
"""How often a read is tried again in a row: as often as frames should follow, within these bounds."""

_HEIC = (".heic", ".heif", ".hif")


def open_video(text: str, options: SourceOptions = DEFAULT) -> Source:
    """Return the source of a video file, live with ``realtime``.

    Args:
        text: the path.
        options: what is asked of it.

    Raises:
        FileError: it is not a video that can be opened.
        InputError: it does not have one of the options.
    """
    options.refuse_all_but("a video file", "realtime")
    source = Video(text)
    return Realtime(source, 1 / (source.fps or USUAL_RATE)) if options.realtime else source


class Video(Source):
    """A video file. The thread that iterates decodes the frames and releases the decoder.

    Frames are upright as the file's rotation says. Their ``position`` is the time stamp in the file. What a damaged or
    cut file lacks is counted in ``lost_frames``, and reported in one line at the end.
    """

    live = False

    def __init__(self, path: str | Path, report: Report = to_stderr) -> None:
        """Open the file. Raises FileError when it is not a video that can be opened."""
        self.name, self._path = printable(str(path)), Path(path)
        self.lost_frames = 0
        self._report, self._closed = report, False
        refuse_special(self._path, f"video {self.name}")
        if self._path.suffix.lower() in _HEIC:
            raise FileError(f"picture {self.name} is HEIC, which OpenCV cannot read: convert it with heif-convert")
        with FileCapture(self._path, self.name) as capture:
            self.fps = capture.fps

    def __iter__(self) -> Iterator[Frame]:
        """Yield all frames that can be decoded. Raises FileError when the file has none."""
        with FileCapture(self._path, self.name) as capture:
            losses = VideoLosses(self._path, capture.count(), capture.fps)
            while not self._closed and (image := _next(capture, losses)) is not None:
                index, position = losses.delivered, capture.position
                losses.deliver(position)
                self.lost_frames = losses.so_far
                yield Frame(image, "BGR", index, time.time_ns(), "decode", self.name, position=position)
        if self._closed:
            return
        if not losses.delivered:
            raise FileError(f"video {self.name} holds no frame that can be decoded; play it elsewhere to check it")
        self.lost_frames = losses.at_end()
        if self.lost_frames:
            self._report(f"video {self.name}: {losses.line()}")

    def close(self) -> None:
        """See Source."""
        self._closed = True


def _next(capture: FileCapture, losses: VideoLosses) -> Image | None:
    """Return the next frame that can be decoded, or None at the end.

    OpenCV does not tell the end from a damaged frame, so the read is tried again while frames should follow.
    """
    for attempt in range(1 + min(MAX_ATTEMPTS, max(MIN_ATTEMPTS, losses.due))):
        image = capture.read()
        if image is not None:
            losses.fail(attempt)
            return image
        if losses.complete:
            break
    return None
