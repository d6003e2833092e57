"""A safe parser of FlatBuffers, the format of TFLite files. It needs no generated code.

https://flatbuffers.dev/internals: a table begins with the distance back to its vtable, which has a 16-bit offset for
each field; strings, vectors and tables in fields are referred to by 32-bit distances. Every read is checked against the
end of the data, and raises Damaged beyond it.
"""

import struct
from collections.abc import Iterator
from typing import Any

from edge.errors import InputError

LONGEST = 1 << 24
"""The most elements of a vector. Graphs have some thousand operations."""


class Damaged(InputError):
    """The bytes do not follow the format. Callers treat the file as one without information."""


class Table:
    """One table of a buffer. Fields are numbered from 0 in the order of the schema.

    Args:
        data: the whole buffer, bytes or a memory map.
        position: the position of the table.
    """

    def __init__(self, data: Any, position: int) -> None:
        self._data, self._at = data, position
        self._vtable = position - _read(data, "<i", position)
        self._fields = _read(data, "<H", self._vtable)

    def number(self, field: int, form: str = "<i", default: int = 0) -> int:
        """Return a number.

        Args:
            field: its number.
            form: the number's format as ``struct`` has it, little-endian.
            default: the value of an absent field.
        """
        at = self._place(field)
        return default if at is None else int(_read(self._data, form, at))

    def table(self, field: int) -> "Table | None":
        """Return the table in a field, or None when the field is absent."""
        at = self._place(field)
        return None if at is None else Table(self._data, _referred(self._data, at))

    def text(self, field: int) -> str:
        """Return the text in a field. It is empty when the field is absent, and invalid UTF-8 is replaced."""
        return self.bytes(field).decode("utf-8", "replace")

    def bytes(self, field: int) -> bytes:
        """Return a string or a vector of bytes."""
        start, count = self._vector(field)
        if start + count > len(self._data):
            raise Damaged("a vector reaches beyond the end of the file")
        return bytes(self._data[start : start + count])

    def length(self, field: int) -> int:
        """Return the number of elements of a vector, or of bytes of a string, without reading them."""
        at = self._place(field)
        if at is None:
            return 0
        count = _read(self._data, "<I", _referred(self._data, at))
        if count > len(self._data):
            raise Damaged("a vector is longer than the file")
        return count

    def numbers(self, field: int, form: str = "i") -> tuple[Any, ...]:
        """Return a vector of numbers.

        Args:
            field: its number.
            form: of one number as ``struct`` has it: ``i``, ``f``, or ``q`` for 64 bits.
        """
        start, count = self._vector(field)
        return _unpack(self._data, f"<{count}{form}", start)

    def tables(self, field: int) -> "Iterator[Table]":
        """Yield the tables of a vector, in order."""
        start, count = self._vector(field)
        for index in range(count):
            yield Table(self._data, _referred(self._data, start + 4 * index))

    def item(self, field: int, index: int) -> "Table | None":
        """Return one table of a vector, or None when the vector is shorter."""
        start, count = self._vector(field)
        return Table(self._data, _referred(self._data, start + 4 * index)) if 0 <= index < count else None

    def position(self, field: int) -> int | None:
        """Return the position of the table, vector or string that a field refers to. None when the field is absent."""
        at = self._place(field)
        return None if at is None else _referred(self._data, at)

    def positions(self, field: int) -> tuple[int, ...]:
        """Return the positions of the tables of a vector, in order."""
        start, count = self._vector(field)
        return tuple(_referred(self._data, start + 4 * index) for index in range(count))

    def _vector(self, field: int) -> tuple[int, int]:
        """Return the position of the elements and their number."""
        at = self._place(field)
        if at is None:
            return 0, 0
        start = _referred(self._data, at)
        count = _read(self._data, "<I", start)
        if count > min(LONGEST, len(self._data)):
            raise Damaged("a vector is longer than the file")
        return start + 4, count

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._fields:
            return None
        offset = _read(self._data, "<H", self._vtable + entry)
        return self._at + offset if offset else None


def root(data: Any) -> Table:
    """Return the root table of a buffer. Raises Damaged."""
    return Table(data, _referred(data, 0))


def _referred(data: Any, at: int) -> int:
    return at + int(_read(data, "<I", at))


def _read(data: Any, form: str, at: int) -> int:
    return int(_unpack(data, form, at)[0])


def _unpack(data: Any, form: str, at: int) -> tuple[Any, ...]:
    if at < 0:  # struct would count a negative position from the end
        raise Damaged("a reference points before the beginning of the file")
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise Damaged("a reference points beyond the end of the file") from error
