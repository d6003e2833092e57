"""``open_encoder`` writes JPEGs as a video: H.264 by the program ffmpeg where it is installed, else Motion JPEG."""

import os
import select
import shutil
import subprocess
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import cv2
import numpy as np

from edge.closing import Closing
from edge.errors import FileError, InputError
from edge.sinks.pictures import fitted
from edge.video import Writer

Form = Literal["auto", "mp4", "avi"]
WRITE_SECONDS = 30.0
"""The longest time in which ffmpeg may take one frame. It is killed then."""

FINISH_SECONDS = 30.0
"""How long the file may stay unchanged after the last frame, until ffmpeg has ended. It is killed then."""


class Encoder(Closing, Protocol):
    """Writes the frames of one video. ``close`` completes the file."""

    def write(self, picture: bytes) -> None:
        """Append one frame, a JPEG of any size. Raises FileError when it cannot be written."""
        ...

    def kill(self) -> None:
        """End a ``write`` or ``close`` that hangs in another thread."""
        ...


def suffix(form: Form) -> str:
    """Return the suffix of files of a form: ``.mp4`` or ``.avi``.

    Raises:
        InputError: ``mp4`` needs ffmpeg with libx264, which is not installed.
    """
    if form == "mp4" and not has_ffmpeg():
        raise InputError("clips in mp4 need the program ffmpeg with libx264: install ffmpeg, or take the format avi")
    return ".mp4" if form != "avi" and has_ffmpeg() else ".avi"


@lru_cache(maxsize=1)
def has_ffmpeg() -> bool:
    """Return whether the program ffmpeg is installed and can write H.264."""
    program = shutil.which("ffmpeg")
    if program is None:
        return False
    try:
        found = subprocess.run([program, "-hide_banner", "-encoders"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" libx264 " in found.stdout


def open_encoder(path: Path, size: tuple[int, int], fps: float, name: Path) -> Encoder:
    """Return an encoder for ``path``, by its suffix.

    Args:
        path: the file to write.
        size: the width and height of the video, both even. Frames of other sizes are fitted into it.
        fps: frames per second.
        name: the file's name in messages.

    Raises:
        FileError: the file cannot be written.
    """
    if path.suffix == ".avi":
        return MotionJpeg(path, size, fps, name)
    return Ffmpeg(path, size, fps, name)


class MotionJpeg(Encoder):
    """Writes Motion JPEG in .avi with OpenCV."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, name: Path) -> None:
        """Begin the file. See ``open_encoder``."""
        self._size, self._writer = size, Writer(path, size, fps, name)

    def write(self, picture: bytes) -> None:
        """See Encoder."""
        image = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        self._writer.write(fitted(image, self._size))

    def kill(self) -> None:
        """Do nothing: OpenCV waits for the disk only."""

    def close(self) -> None:
        """See Encoder."""
        self._writer.close()


class Ffmpeg(Encoder):
    """Pipes the JPEGs to the program ffmpeg, which decodes them and writes H.264 with yuv420p, as browsers play it.

    The program runs in a session of its own, so that Ctrl-C in a terminal does not reach it, and with a lower priority
    than the network. It ends when its stdin is closed, also when this process is killed.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: float, name: Path) -> None:
        """Start the program. See ``open_encoder``."""
        self._name, self._path = name, path
        self._messages = os.memfd_create("ffmpeg")
        try:
            self._process = subprocess.Popen(
                _command(path, size, fps),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._messages)
            raise FileError(f"cannot write {name}: ffmpeg cannot be started: {error.strerror}") from error
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._ended = False

    def write(self, picture: bytes) -> None:
        """See Encoder. Raises FileError, too, when ffmpeg does not take the frame within WRITE_SECONDS."""
        try:
            taken = self._feed(picture)
        except OSError:  # it closed its end of the pipe
            self.close()
            raise FileError(f"cannot write {self._name}: ffmpeg ended early") from None
        if not taken:
            self.kill()
            with suppress(FileError):  # it would say that ffmpeg was killed
                self.close()
            raise FileError(f"cannot write {self._name}: ffmpeg took no frame for {WRITE_SECONDS:g} s and was killed")

    def _feed(self, picture: bytes) -> bool:
        """Write to the pipe, which does not block. Return False when that takes more than WRITE_SECONDS."""
        assert self._process.stdin is not None
        pipe, left, deadline = self._process.stdin.fileno(), memoryview(picture), time.monotonic() + WRITE_SECONDS
        while left:
            if not select.select([], [pipe], [], max(0.0, deadline - time.monotonic()))[1]:
                return False
            with suppress(BlockingIOError):
                left = left[os.write(pipe, left) :]
        return True

    def kill(self) -> None:
        """See Encoder."""
        self._process.kill()

    def close(self) -> None:
        """Complete the file. Raises FileError when ffmpeg reports an error, or writes nothing for FINISH_SECONDS."""
        if self._ended:
            return
        self._ended = True
        try:
            code = self._code()
            said = os.pread(self._messages, 1 << 16, 0).decode("utf-8", "replace").strip().splitlines()
        finally:
            os.close(self._messages)
        if code:
            why = said[-1][-200:] if said else f"exit code {code}"
            raise FileError(f"cannot write {self._name}: ffmpeg: {why}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file, or kill the program after an error."""
        if kind is None:
            self.close()
            return
        self.kill()
        with suppress(FileError):  # it only repeats the first error
            self.close()

    def _code(self) -> int:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            self._process.kill()
        while True:
            before = self._changed()
            try:
                return self._process.wait(FINISH_SECONDS)
            except subprocess.TimeoutExpired:
                if self._changed() == before:
                    self._process.kill()
                    return self._process.wait()

    def _changed(self) -> int:
        """Return when the file was changed. A long video is moved in its file at the end, which may take minutes."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0


def _command(path: Path, size: tuple[int, int], fps: float) -> list[str]:
    width, height = size
    fit = f"scale={width}:{height}:force_original_aspect_ratio=decrease:in_range=full:out_range=tv"
    nice = [shutil.which("nice") or "", "-n", "10"] if shutil.which("nice") else []
    return [
        *(*nice, shutil.which("ffmpeg") or "ffmpeg", "-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "image2pipe", "-c:v", "mjpeg", "-framerate", f"{fps:g}", "-i", "pipe:0", "-an"),
        *("-vf", f"{fit},pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1", "-c:v", "libx264", "-preset", "veryfast"),
        *("-crf", "23", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", f"file:{path}"),
    ]
