"""``is_damaged`` finds out whether the structure of a video file is broken.

A gap between time stamps alone says nothing: a file with a variable frame rate has pauses. It walks the clusters and
blocks of Matroska and WebM (RFC 9559, section 5), and looks at the packets of an MPEG transport stream (ISO/IEC
13818-1, 2.4.3.2). It reads no picture, and finds no damage inside one.
"""

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge.video_container import element

_PACKET, _SYNC = 188, 0x47
_CHUNK = _PACKET << 14
_NULL = 0x1FFF

_MASTERS = {0x18538067, 0x1F43B675}
"""Segment and Cluster: elements whose content is walked."""

_KNOWN = {
    0x1A45DFA3, 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367,
    0x1F43B675, 0xE7, 0x5854, 0xA7, 0xAB, 0xA0, 0xA3, 0xAF, 0xEC, 0xBF,
}  # fmt: skip
"""The head, the parts of a Segment, the parts of a Cluster, Void and CRC-32."""


def is_damaged(path: Path) -> bool:
    """Return whether a file is a Matroska file or a transport stream with a broken structure, or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_PACKET + 1)
            file.seek(0)
            if head[:4] == b"\x1a\x45\xdf\xa3":
                return _matroska_breaks(file)
            return head[:1] == bytes([_SYNC]) and _transport_stream_breaks(file)
    except OSError:
        return True


def _matroska_breaks(file: BinaryIO) -> bool:
    end, position = file.seek(0, os.SEEK_END), 0
    while position < end:
        file.seek(position)
        found = element(file.read(12).ljust(12, b"\xff"), position)
        if found is None or found[0] not in _KNOWN:
            return True
        name, length, content = found
        position = content if name in _MASTERS or length is None else content + length
    return position > end


def _transport_stream_breaks(file: BinaryIO) -> bool:
    """Look for a lost start of a packet, a packet marked as damaged, and a counter that skips."""
    counters: dict[int, int] = {}
    while data := file.read(_CHUNK):
        packets = np.frombuffer(data[: len(data) // _PACKET * _PACKET], np.uint8).reshape(-1, _PACKET)
        if (packets[:, 0] != _SYNC).any() or (packets[:, 1] & 0x80).any():
            return True
        pids = (packets[:, 1].astype(int) & 0x1F) << 8 | packets[:, 2]
        for pid in np.unique(pids[pids != _NULL]):
            if _skips(packets[pids == pid], int(pid), counters):
                return True
    return False


def _skips(packets: NDArray[np.uint8], pid: int, counters: dict[int, int]) -> bool:
    """Return whether the continuity counter of a stream skips. It counts packets with a payload, modulo 16."""
    restarts = (packets[:, 3] & 0x20 != 0) & (packets[:, 4] > 0) & (packets[:, 5] & 0x80 != 0)
    with_payload = packets[:, 3] & 0x10 != 0
    values, restarts = packets[with_payload, 3].astype(int) & 0x0F, restarts[with_payload]
    if not len(values):
        return False
    steps = np.diff(values, prepend=counters.get(pid, values[0] - 1)) % 16
    counters[pid] = int(values[-1])
    return bool(((steps > 1) & ~restarts).any())  # a step of 0 repeats a packet, which is allowed
