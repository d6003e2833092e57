"""Video files of every kind, made by ffmpeg, and what breaks them."""

import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

FFMPEG = shutil.which("ffmpeg")

needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="needs the program ffmpeg")

RATE, COUNT = 25, 100

CODECS = {
    "mp4": ("h264.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25"),
    "mp4, index first": ("first.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-movflags", "+faststart"),
    "mp4 of MPEG-4": ("mpeg4.mp4", "-c:v", "mpeg4", "-g", "12", "-movflags", "+faststart"),
    "avi of MJPG": ("mjpg.avi", "-c:v", "mjpeg", "-q:v", "3"),
    "avi of MPEG-4": ("mpeg4.avi", "-c:v", "mpeg4", "-g", "12"),
    "mkv": ("h264.mkv", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25"),
    "webm": ("vp8.webm", "-c:v", "libvpx", "-b:v", "500k"),
    "ts": ("h264.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25"),
}


def ffmpeg(*arguments) -> None:
    """Run ffmpeg, which is silent unless something is wrong."""
    subprocess.run([FFMPEG, "-v", "error", "-y", "-threads", "1", *map(str, arguments)], check=True, timeout=120)


def make(folder: Path, kind: str, *filters: str) -> Path:
    """Write a test clip of COUNT frames, 160x120, before the filters."""
    path = folder / CODECS[kind][0]
    path.write_bytes(_made(kind, *filters))
    return path


@lru_cache
def _made(kind: str, *filters: str) -> bytes:
    name, *codec = CODECS[kind]
    source = f"testsrc2=size=160x120:rate={RATE}:duration={COUNT / RATE}"
    with TemporaryDirectory() as folder:
        ffmpeg("-f", "lavfi", "-i", source, *filters, *codec, Path(folder, name))
        return Path(folder, name).read_bytes()


def cut(path: Path, share: float = 0.5) -> Path:
    """Leave only the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def zero(path: Path, at: float = 0.5, count: int = 3000) -> Path:
    """Overwrite a part in the middle of a file with zeros."""
    data = bytearray(path.read_bytes())
    start = int(at * len(data))
    data[start : start + count] = bytes(count)
    path.write_bytes(data)
    return path
