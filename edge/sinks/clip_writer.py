"""``ClipWriter`` writes one clip in a thread of its own, so that an encoder that is slow or hangs holds nobody up."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.errors import FileError
from edge.files import replaced
from edge.handover import Handover
from edge.sinks.clip_encoders import Encoder, open_encoder

WAITING = 64
"""The most frames that wait for the encoder, beside those of the pre-roll: 2 s at 30 fps, about 10 MB at 720p."""

LONGEST_REPEAT = 1.0
"""The longest time in seconds that one frame is repeated, when the next ones are missing."""


HANG_SECONDS = 60.0
"""The longest wait for room. The encoder is taken to hang after it."""


class Shot(NamedTuple):
    """A frame for a clip.

    Attributes:
        picture: a JPEG.
        seconds: the frame's time on the timeline of its source.
    """

    picture: bytes
    seconds: float


class ClipWriter:
    """Writes frames at a constant rate. By its time, a frame is repeated or left out, so that the clip plays in time.

    The file is written under a temporary name and renamed when it is complete. After an error no file remains.

    Attributes:
        path: the file.
        error: why it could not be written; None as long as there is no error.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, first: deque[Shot], lossless: bool) -> None:
        """Start the thread.

        Args:
            path: the file to write.
            size: the width and height of the video, both even.
            fps: frames per second.
            first: the frames of the pre-roll. They are taken out of it.
            lossless: whether ``add`` waits for room. If not, a new frame replaces the oldest one that waits.
        """
        self.path = path
        self.error: Exception | None = None
        self._size, self._fps, self._first = size, fps, first
        self._queue: Handover[Shot] = Handover(WAITING, lossless)
        self._hurry = threading.Event()
        self._encoder: Encoder | None = None
        self._start: float | None = None
        self._written = 0
        self._thread = threading.Thread(target=self._run, name=f"clip {path.name}", daemon=True)
        self._thread.start()

    def add(self, shot: Shot) -> None:
        """Append a frame. After an error it is ignored.

        Raises:
            FileError: ``lossless`` is true, and the encoder took no frame for HANG_SECONDS. It is killed.
        """
        try:
            self._queue.put(shot, HANG_SECONDS)
        except TimeoutError:
            if self._encoder is not None:
                self._encoder.kill()
            raise FileError(f"cannot write {self.path}: the encoder took no frame for {HANG_SECONDS:g} s") from None

    @property
    def lost(self) -> int:
        """The number of frames that were lost, because the encoder was slow."""
        return self._queue.dropped

    @property
    def done(self) -> bool:
        """Whether the file is complete, or an error has ended the writer."""
        return not self._thread.is_alive()

    def finish(self) -> None:
        """Let the thread complete the file. It does not wait for that."""
        self._queue.finish()

    def wait(self, seconds: float) -> None:
        """Wait until the file is complete.

        After two thirds of the time the frames that still wait are given up, which makes the clip shorter. At its end
        the encoder is killed, and there is no clip.
        """
        self.finish()
        until = time.monotonic() + seconds
        self._thread.join(seconds * 2 / 3)
        self._hurry.set()
        self._thread.join(max(0.0, until - time.monotonic()))
        if not self.done and self._encoder is not None:
            self._encoder.kill()
            self._thread.join(seconds / 3)

    def _run(self) -> None:
        try:
            with replaced(self.path) as temporary, open_encoder(temporary, self._size, self._fps, self.path) as encoder:
                self._encoder = encoder
                for shot in self._shots():
                    for _ in range(self._repeats(shot.seconds)):
                        encoder.write(shot.picture)
        except Exception as error:  # the sink's thread raises it
            self.error = error
        finally:
            self._queue.close()

    def _shots(self) -> Iterator[Shot]:
        while self._first and not self._hurry.is_set():
            yield self._first.popleft()
        for shot in self._queue:
            if self._hurry.is_set():
                return
            yield shot

    def _repeats(self, seconds: float) -> int:
        """Return how often to write a frame, so that it is shown at its time."""
        if self._start is None:
            self._start = seconds
        due = round((seconds - self._start) * self._fps) + 1
        count = min(max(0, due - self._written), max(1, round(LONGEST_REPEAT * self._fps)))
        self._written = max(self._written, due)
        return count
