"""What a video device says of itself through V4L2, the kernel's interface of cameras, with the standard library alone.

https://docs.kernel.org/userspace-api/media/v4l/user-func.html
"""

import errno
import fcntl
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# _IOR('V', 0, struct v4l2_capability), _IOWR('V', 2, struct v4l2_fmtdesc), _IOWR('V', 8, struct v4l2_requestbuffers)
QUERYCAP, CAPABILITY = 0x80685600, struct.Struct("16s32s32sIII12x")
ENUM_FMT, DESCRIPTION = 0xC0405602, struct.Struct("III32sI16x")
REQBUFS, BUFFERS, MMAP = 0xC0145608, struct.Struct("III8x"), 1

CAPTURE, CAPTURE_PLANES = 0x00000001, 0x00001000
MEMORY_TO_MEMORY = 0x00004000 | 0x00008000
HAS_DEVICE_CAPABILITIES = 0x80000000
TYPES = {CAPTURE: 1, CAPTURE_PLANES: 9}
"""V4L2_BUF_TYPE_VIDEO_CAPTURE and its form for several planes, by the capability that they need."""

MOST_FORMATS = 64


class Node(NamedTuple):
    """A video device.

    Attributes:
        captures: whether frames can be read from it. Converters and nodes of metadata give none.
        formats: the pixel formats by their four letters, such as ``YUYV`` and ``MJPG``.
    """

    captures: bool
    formats: tuple[str, ...]


def query(path: Path) -> Node | None:
    """Ask a video device. Return None when it cannot be opened or is no video device.

    Args:
        path: the device file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        capabilities = _capabilities(descriptor)
        kinds = [kind for capability, kind in TYPES.items() if capabilities & capability]
        if not kinds or capabilities & MEMORY_TO_MEMORY:
            return Node(False, ())
        return Node(True, tuple(dict.fromkeys(name for kind in kinds for name in _formats(descriptor, kind))))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def is_busy(path: Path) -> bool:
    """Return whether another program reads a camera: its driver then refuses to give up buffers that are not ours.

    Args:
        path: the device file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        fcntl.ioctl(descriptor, REQBUFS, bytearray(BUFFERS.pack(0, TYPES[CAPTURE], MMAP)))
    except OSError as error:
        return error.errno == errno.EBUSY
    finally:
        os.close(descriptor)
    return False


def users(path: Path, processes: Path = Path("/proc")) -> list[str]:
    """Return the other programs that have a device file open, such as ``ffmpeg (pid 123)``, as far as this user sees.

    Args:
        path: the device file.
        processes: the folder of processes.
    """
    found = []
    for process in processes.glob("[0-9]*"):
        with suppress(OSError):  # it ended, or belongs to another user
            if process.name != str(os.getpid()) and _has_open(process, path):
                found.append(f"{(process / 'comm').read_text(errors='replace').strip()} (pid {process.name})")
    return found


def is_open_here(path: Path) -> bool:
    """Return whether this process itself has a device file open."""
    with suppress(OSError):  # a system without /proc
        return _has_open(Path("/proc/self"), path)
    return False


def _has_open(process: Path, path: Path) -> bool:
    device = str(path.resolve())
    for one in process.glob("fd/*"):
        with suppress(FileNotFoundError):  # closed meanwhile
            if os.readlink(one) == device:
                return True
    return False


def _capabilities(descriptor: int) -> int:
    filled = bytearray(CAPABILITY.size)
    fcntl.ioctl(descriptor, QUERYCAP, filled)
    *_, whole, of_this_node = CAPABILITY.unpack(filled)[2:]
    return int(of_this_node if whole & HAS_DEVICE_CAPABILITIES else whole)


def _formats(descriptor: int, kind: int) -> list[str]:
    found: list[str] = []
    for index in range(MOST_FORMATS):
        filled = bytearray(DESCRIPTION.pack(index, kind, 0, b"", 0))
        try:
            fcntl.ioctl(descriptor, ENUM_FMT, filled)
        except OSError:  # EINVAL after the last one
            break
        found.append(struct.pack("<I", DESCRIPTION.unpack(filled)[4] & 0x7FFFFFFF).decode("ascii", "replace").strip())
    return found
