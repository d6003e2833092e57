"""The sink ``record`` writes an annotated video."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from edge.errors import InputError
from edge.files import replaced
from edge.frames import Frame
from edge.imaging import Image
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.pictures import fitted, jpeg
from edge.sinks.target import check_writable
from edge.video import CODECS, Writer

LIVE_FPS = 25.0
IMAGES_FPS = 2.0
H264_INPUT_QUALITY = 95
"""The quality of the JPEGs that ffmpeg gets."""


class Record(Sink):
    """Writes a video under a temporary name and renames it when the loop ends. After an error no file remains.

    A .mp4 is H.264, which browsers play, where the program ffmpeg is installed, else MPEG-4. A .avi is Motion JPEG.

    Each frame of a video file is written once, at the rate of the file. Images are shown two per second. The rate for a
    live source is LIVE_FPS: frames are repeated or left out by their capture times, so that the video plays in real
    time. The first frame decides the size, and other frames are scaled to fit into it.
    """

    name = "record"
    lossless = True
    on_error: OnError = "fatal"

    def __init__(self, target: str, context: Context) -> None:
        """Check the target.

        Raises:
            InputError: the suffix has no codec, or there are several sources.
            FileError: the target cannot be written.
        """
        self._path = Path(target)
        if self._path.suffix.lower() not in CODECS:
            raise InputError(f"a recording's name must end in {' or '.join(CODECS)}, got {target!r}")
        if len(getattr(context, "sources", ())) > 1:
            raise InputError("a recording is of one source, and frames of several would alternate in it: use clips")
        check_writable(self._path)
        self._paced = context.live
        self._fps = LIVE_FPS if context.live else context.fps or IMAGES_FPS
        self._open = ExitStack()
        self._write: Callable[[Image], None] | None = None
        self._size = (0, 0)
        self._due_ns = 0

    def emit(self, event: Event) -> None:
        """See Sink."""
        try:
            write = self._write or self._begin(event.frame)
            image = fitted(event.picture, self._size)
            for _ in range(self._repeats(event.frame.captured_ns)):
                write(image)
        except OSError as error:
            stack, self._open = self._open, ExitStack()
            stack.__exit__(type(error), error, error.__traceback__)
            raise

    def close(self) -> None:
        """Complete the video. Raises FileError when it lacks frames. See ``Sink``."""
        self._open.close()

    def _begin(self, frame: Frame) -> Callable[[Image], None]:
        self._size = (
            frame.size[0] & ~1,
            frame.size[1] & ~1,
        )  # MPEG-4 needs even sizes, because its colour planes have half the size
        self._due_ns = frame.captured_ns
        temporary = self._open.enter_context(replaced(self._path))
        self._write = self._h264(temporary) if self._path.suffix.lower() == ".mp4" else None
        if self._write is None:
            self._write = self._open.enter_context(Writer(temporary, self._size, self._fps, self._path)).write
        return self._write

    def _h264(self, path: Path) -> Callable[[Image], None] | None:
        """Return the writer of H.264 through the program ffmpeg. None where that is not installed."""
        from edge.sinks import clip_encoders  # only .mp4 needs it

        if not clip_encoders.has_ffmpeg():
            return None
        encoder = self._open.enter_context(clip_encoders.open_encoder(path, self._size, self._fps, self._path))
        return lambda image: encoder.write(jpeg(image, H264_INPUT_QUALITY))

    def _repeats(self, captured_ns: int) -> int:
        """Return how often to write a frame, by its capture time. After a stall it is at most one second of frames."""
        if not self._paced:
            return 1
        step = round(1e9 / self._fps)
        count = 0
        while self._due_ns <= captured_ns and count < self._fps:
            self._due_ns += step
            count += 1
        self._due_ns = max(self._due_ns, captured_ns - step)
        return count
