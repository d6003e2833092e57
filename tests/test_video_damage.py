"""Whether the structure of a file is broken, on files written out byte by byte."""

import pytest

from edge.video_damage import is_damaged

EBML = bytes.fromhex("1a45dfa3 84") + b"head"
SEGMENT, CLUSTER = bytes.fromhex("18538067"), bytes.fromhex("1f43b675")
UNKNOWN = b"\x01" + b"\xff" * 7
BLOCK = b"\xa3\x84" + b"\x81\0\0\x80"


def matroska(*parts):
    return EBML + SEGMENT + UNKNOWN + b"".join(parts)


def packet(counter, pid=0x100, payload=True, flags=b"", sync=b"\x47", error=False):
    control = (0x20 if flags else 0) | (0x10 if payload else 0) | counter % 16
    head = sync + bytes([pid >> 8 | 0x80 * error, pid & 0xFF, control]) + flags
    return head + bytes(188 - len(head))


RESTART = b"\x07\x80"

FILES = {
    "Matroska, whole": (matroska(CLUSTER + b"\x8c", BLOCK, BLOCK), False),
    "Matroska, live": (matroska(CLUSTER + UNKNOWN, BLOCK, CLUSTER + UNKNOWN, BLOCK), False),
    "Matroska, zeros between blocks": (matroska(CLUSTER + UNKNOWN, BLOCK, bytes(20), BLOCK), True),
    "Matroska, an element that does not exist": (matroska(CLUSTER + UNKNOWN, b"\xa9\x80", BLOCK), True),
    "Matroska, cut in a block": (matroska(CLUSTER + UNKNOWN, BLOCK[:-2]), True),
    "transport stream, whole": (b"".join(packet(n) for n in range(40)), False),
    "transport stream, two programs": (b"".join(packet(n // 2, 0x100 + n % 2) for n in range(40)), False),
    "transport stream, a packet twice": (packet(0) + packet(1) + packet(1) + packet(2), False),
    "transport stream, a packet without a payload": (packet(0) + packet(0, payload=False, flags=b"\x01\0"), False),
    "transport stream, two that are joined": (packet(3) + packet(9, flags=RESTART) + packet(10), False),
    "transport stream, stuffing": (packet(0) + packet(7, 0x1FFF) + packet(2, 0x1FFF) + packet(1), False),
    "transport stream, a packet is gone": (packet(0) + packet(1) + packet(3), True),
    "transport stream, zeros": (packet(0) + bytes(188) + packet(1), True),
    "transport stream, marked as damaged": (packet(0) + packet(1, error=True), True),
    "another format": (b"FLV\x01" + bytes(200), False),
    "empty": (b"", False),
}


@pytest.mark.parametrize(("data", "damaged"), FILES.values(), ids=FILES)
def test_what_is_broken(tmp_path, data, damaged):
    (tmp_path / "file").write_bytes(data)
    assert is_damaged(tmp_path / "file") is damaged


def test_a_file_that_cannot_be_read_counts_as_broken(tmp_path):
    assert is_damaged(tmp_path / "absent.ts")
