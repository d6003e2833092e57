"""``open_encoder`` writes JPEGs as a video: H.264 by the program ffmpeg where it is installed, else Motion JPEG."""

import os
import shutil
import subprocess
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
FINISH_SECONDS = 30.0
"""How long ffmpeg may take to complete a file after its last frame. It is killed then."""


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
        self._name = name
        self._messages = os.memfd_create("ffmpeg")
        try:
            self._process = subprocess.Popen(
                _command(path, size, fps),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._messages)
            raise FileError(f"cannot write {name}: ffmpeg cannot be started: {error.strerror}") from error
        self._ended = False

    def write(self, picture: bytes) -> None:
        """See Encoder."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(picture)
        except OSError:  # it closed its end of the pipe
            self.close()
            raise FileError(f"cannot write {self._name}: ffmpeg ended early") from None

    def kill(self) -> None:
        """See Encoder."""
        self._process.kill()

    def close(self) -> None:
        """Complete the file. Raises FileError when ffmpeg reports an error or takes more than FINISH_SECONDS."""
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
        try:
            return self._process.wait(FINISH_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


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
