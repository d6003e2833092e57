"""A small writer of FlatBuffers, the format of TFLite files and of their metadata. It needs no generated code.

https://flatbuffers.dev/internals: every reference is an unsigned distance to a later position. Therefore a table is
written before the tables, vectors and strings that it refers to. ``edge.flatbuffer`` reads the format.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

IDENTIFIER_BYTES = 4
TEXT_END = b"\0"


@dataclass(frozen=True)
class Number:
    """A number in a table.

    Attributes:
        value: the number.
        form: its format as ``struct`` has it: ``B`` for 8 bits, ``I`` or ``i`` for 32, ``f`` for float32.
    """

    value: float
    form: str = "I"


@dataclass(frozen=True)
class Numbers:
    """A vector of numbers; ``form`` is the format of one number, see ``Number``."""

    values: Sequence[float]
    form: str = "f"


@dataclass(frozen=True)
class Blob:
    """A vector of bytes that begins at a multiple of 16 bytes, as the schemas ask for nested buffers."""

    content: bytes


@dataclass(frozen=True)
class At:
    """Something that is in the buffer already, at this position."""

    position: int


@dataclass(frozen=True)
class Row:
    """A table. Fields are numbered from 0 in the order of the schema; absent ones have the schema's default.

    Attributes:
        fields: the values by number: Number, Numbers, Blob, At, Row, text, or a list of rows or positions.
    """

    fields: Mapping[int, Any] = field(default_factory=dict)


def buffer(root: Row, identifier: str) -> bytes:
    """Return a buffer with one root table.

    Args:
        root: the root table.
        identifier: the four letters that name the format.
    """
    out = _Writer()
    out.content += bytes(4) + identifier.encode("ascii")
    out.refer(0, root)
    return bytes(out.content)


class _Writer:
    """Appends tables to ``content`` and sets the references to them."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._vtables: dict[bytes, int] = {}  # thousands of anchors share one

    def refer(self, place: int, value: Any) -> None:
        """Write ``value`` and set the reference at ``place`` to it."""
        target = value.position if isinstance(value, At) else self._write(value)
        struct.pack_into("<I", self.content, place, target - place)

    def _write(self, value: Any) -> int:
        """Append a value, and return its position."""
        if isinstance(value, Row):
            return self._table(value)
        if isinstance(value, str):
            encoded = value.encode("utf-8")
            return self._vector(len(encoded), lambda: self._append(encoded + TEXT_END))
        if isinstance(value, Blob):
            self._pad(16, 4)
            return self._vector(len(value.content), lambda: self._append(value.content))
        if isinstance(value, Numbers):
            packed = struct.pack(f"<{len(value.values)}{value.form}", *value.values)
            return self._vector(len(value.values), lambda: self._append(packed))
        return self._rows(value)

    def _vector(self, count: int, elements: Callable[[], None]) -> int:
        self._pad(4)
        at = len(self.content)
        self.content += struct.pack("<I", count)
        elements()
        return at

    def _rows(self, rows: Sequence[Any]) -> int:
        at = self._vector(len(rows), lambda: self._append(bytes(4 * len(rows))))
        for index, row in enumerate(rows):
            self.refer(at + 4 + 4 * index, row)
        return at

    def _table(self, row: Row) -> int:
        """Append the vtable unless an equal one is there, the table, and what the table refers to."""
        places, size = _layout(row)
        count = max(places, default=-1) + 1
        vtable = struct.pack("<HH", 4 + 2 * count, size)
        vtable += b"".join(struct.pack("<H", places.get(index, 0)) for index in range(count))
        if vtable not in self._vtables:
            self._pad(2)
            self._vtables[vtable] = len(self.content)
            self._append(vtable)
        self._pad(4)
        at = len(self.content)
        self._append(struct.pack("<i", at - self._vtables[vtable]) + bytes(size - 4))
        for index, value in row.fields.items():
            if isinstance(value, Number):
                struct.pack_into(f"<{value.form}", self.content, at + places[index], value.value)
            else:
                self.refer(at + places[index], value)
        return at

    def _append(self, content: bytes) -> None:
        self.content += content

    def _pad(self, multiple: int, following: int = 0) -> None:
        """Append zeros until the position is a multiple, ``following`` bytes later."""
        self.content += bytes(-(len(self.content) + following) % multiple)


def _layout(row: Row) -> tuple[dict[int, int], int]:
    """Return the place of each field in its table, wide fields first, and the size of the table."""
    places, size = {}, 4
    for index, value in sorted(row.fields.items(), key=lambda pair: _width(pair[1]) == 1):
        places[index] = size
        size += _width(value)
    return places, size


def _width(value: Any) -> int:
    return struct.calcsize(f"<{value.form}") if isinstance(value, Number) else 4
