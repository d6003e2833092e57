"""``with_properties`` adds properties to a finished ONNX file, which other tools show and read as ``metadata_props``.

An ONNX file is one Protocol Buffers message. A field that is appended to a message is added to the repeated field, so
the network's own bytes stay as they are (https://protobuf.dev/programming-guides/encoding).
"""

from collections.abc import Mapping

METADATA_PROPS, KEY, VALUE = 14, 1, 2
"""The numbers of ``metadata_props`` in ModelProto, and of the two texts in StringStringEntryProto."""

BYTES = 2
"""The wire type of texts and messages."""


def with_properties(content: bytes, properties: Mapping[str, str]) -> bytes:
    """Return the ONNX file with the properties appended."""
    pairs = (_text(KEY, key) + _text(VALUE, value) for key, value in properties.items())
    return content + b"".join(_bytes(METADATA_PROPS, pair) for pair in pairs)


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode("utf-8"))


def _bytes(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return an integer with 7 bits in each byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
