"""What a container states of its length, on heads written out byte by byte."""

import struct

import pytest

from edge.video_container import kind, missing_bytes


def box(name, length, large=False):
    return struct.pack(">I4sQ", 1, name, length) if large else struct.pack(">I4s", length, name)


def padded(head, size):
    return head + bytes(size - len(head))


EBML = bytes.fromhex("1a45dfa3") + b"\x84" + b"head"
SEGMENT = bytes.fromhex("18538067")

FILES = {
    "mp4, whole": (padded(box(b"ftyp", 16), 16) + padded(box(b"mdat", 100), 100), "mp4", 0),
    "mp4, cut": (padded(box(b"ftyp", 16), 16) + padded(box(b"mdat", 100), 60), "mp4", 40),
    "mp4, cut, 64 bits": (
        padded(box(b"ftyp", 16), 16) + padded(box(b"mdat", 5 << 32, True), 60),
        "mp4",
        (5 << 32) - 60,
    ),
    "mp4, up to the end": (padded(box(b"ftyp", 16), 16) + padded(box(b"mdat", 0), 60), "mp4", 0),
    "mp4, damaged": (padded(box(b"ftyp", 16), 16) + padded(struct.pack(">I", 5000), 60), "mp4", 0),
    "mp4, cut in a head": (padded(box(b"ftyp", 16), 16) + b"\0\0\0", "mp4", 0),
    "avi, whole": (padded(b"RIFF" + struct.pack("<I", 52) + b"AVI ", 60), "avi", 0),
    "avi, cut": (padded(b"RIFF" + struct.pack("<I", 92) + b"AVI ", 60), "avi", 40),
    "avi of two lists": (
        padded(b"RIFF" + struct.pack("<I", 52) + b"AVI ", 60) + padded(b"RIFF" + struct.pack("<I", 52) + b"AVIX", 50),
        "avi",
        10,
    ),
    "mkv, whole": (padded(EBML + SEGMENT + b"\x40\x32", 9 + 6 + 50), "mkv", 0),
    "mkv, cut": (padded(EBML + SEGMENT + b"\x40\x32", 40), "mkv", 25),
    "mkv, live": (padded(EBML + SEGMENT + b"\x01" + b"\xff" * 7, 40), "mkv", 0),
    "mkv, damaged": (padded(EBML + bytes(4), 40), "mkv", 0),
    "another format": (b"GIF89a" + bytes(20), "", 0),
    "empty": (b"", "", 0),
}


@pytest.mark.parametrize(("data", "name", "missing"), FILES.values(), ids=FILES)
def test_what_is_missing(tmp_path, data, name, missing):
    (tmp_path / "clip").write_bytes(data)
    assert (kind(tmp_path / "clip"), missing_bytes(tmp_path / "clip")) == (name, missing)


def test_a_file_that_is_not_there_states_nothing(tmp_path):
    assert (kind(tmp_path / "none"), missing_bytes(tmp_path / "none")) == ("", 0)
