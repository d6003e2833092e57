"""A safe parser of Protocol Buffers, the format of ONNX files. It needs no generated code.

https://protobuf.dev/programming-guides/encoding: a message is a sequence of fields, each a key (number and wire type)
and a value. Every read is checked against the end of the message, and raises Damaged beyond it.
"""

from collections.abc import Iterator
from typing import Any

from edge.flatbuffer import Damaged

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


class Message:
    """One message in the data.

    Args:
        data: bytes or a memory map.
        start: the position of the message.
        end: the end of the message, exclusive. None means the end of the data.
    """

    def __init__(self, data: Any, start: int = 0, end: int | None = None) -> None:
        self._data, self._start = data, start
        self._end = len(data) if end is None else end

    def messages(self, number: int) -> "Iterator[Message]":
        """Yield the messages, strings or bytes of the field ``number``, in order."""
        for found, wire, start, end in self._fields():
            if found == number and wire == BYTES:
                yield Message(self._data, start, end)

    def parts(self) -> "Iterator[tuple[int, Message]]":
        """Yield (field number, message) of all fields that hold messages, strings or bytes, in order."""
        for found, wire, start, end in self._fields():
            if wire == BYTES:
                yield found, Message(self._data, start, end)

    def number(self, number: int) -> int | None:
        """Return the first whole number of the field ``number``, or None when there is none."""
        places = (start for found, wire, start, _ in self._fields() if found == number and wire == VARINT)
        start = next(places, None)
        return None if start is None else self._varint(start)[0]

    def numbers(self, number: int) -> Iterator[int]:
        """Yield all whole numbers of the field ``number``, packed or one by one, in order."""
        for found, wire, start, end in self._fields():
            if found == number and wire == VARINT:
                yield self._varint(start)[0]
            while found == number and wire == BYTES and start < end:
                value, start = self._varint(start)
                yield value

    def __len__(self) -> int:
        return self._end - self._start

    def bytes(self) -> bytes:
        """Return the bytes."""
        return bytes(self._data[self._start : self._end])

    def text(self) -> str:
        """Return the bytes as text. Invalid UTF-8 is replaced."""
        return self.bytes().decode("utf-8", "replace")

    def _fields(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield number, wire type, start and end of the value of each field."""
        at = self._start
        while at < self._end:
            key, at = self._varint(at)
            wire = key & 7
            if wire == VARINT:
                _, end = self._varint(at)
            elif wire == BYTES:
                length, at = self._varint(at)
                end = at + length
            elif wire in _FIXED:
                end = at + _FIXED[wire]
            else:
                raise Damaged(f"wire type {wire} is none that files have")
            if end > self._end:
                raise Damaged("a field reaches beyond the end of its message")
            yield key >> 3, wire, at, end
            at = end

    def _varint(self, at: int) -> tuple[int, int]:
        """Return a variable-length integer (7 bits per byte), and the position after it."""
        value = 0
        for shift in range(0, 70, 7):
            if at >= self._end:
                break
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise Damaged("a number does not end")
