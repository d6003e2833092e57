"""What can happen to a bundle that is a zip: each function returns the bytes of a changed one, as chance says."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

from tests.fuzz.folder_mutations import OUTSIDE, edited, flipped

Content = Mapping[str, bytes]
Mutation = Callable[[bytes, Content, random.Random], bytes]

SYMLINK, FOLDER, PIPE = 0o120777, 0o040755, 0o010644
"""Kinds of member, as Unix has them in the upper half of the external attributes."""


def packed(content: Content, change: Callable[[zipfile.ZipInfo], None] = lambda info: None) -> bytes:
    """Zip files, each with a header that ``change`` may alter."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            change(info)
            archive.writestr(info, data)
    return out.getvalue()


def flip(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return flipped(whole, draw)


def flip_in_directory(whole: bytes, content: Content, draw: random.Random) -> bytes:
    start = whole.index(b"PK\x01\x02")
    return whole[:start] + flipped(whole[start:], draw)


def truncate(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return whole[: draw.randrange(len(whole))]


def cut_out(whole: bytes, content: Content, draw: random.Random) -> bytes:
    start = draw.randrange(len(whole))
    return whole[:start] + whole[start + draw.randint(1, 200) :]


def append(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return whole + draw.choice((draw.randbytes(draw.randint(1, 300)), whole))


def prepend(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return draw.choice((draw.randbytes(draw.randint(1, 300)), whole, b"#!/bin/sh\n")) + whole


def swap(whole: bytes, content: Content, draw: random.Random) -> bytes:
    one, other = draw.sample(sorted(content), 2)
    return packed({**content, one: content[other], other: content[one]})


def damage_member(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Change a file before it is packed, so that its CRC-32 fits."""
    name = draw.choice(sorted(content))
    return packed({**content, name: flipped(content[name], draw)})


def delete(whole: bytes, content: Content, draw: random.Random) -> bytes:
    gone = draw.choice(sorted(content))
    return packed({name: data for name, data in content.items() if name != gone})


def edit(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return packed({**content, "manifest.json": edited(content["manifest.json"], draw)})


def add(whole: bytes, content: Content, draw: random.Random) -> bytes:
    return packed({**content, draw.choice((*OUTSIDE[:-1], "net2.tflite", "more/")): b"x"})


def repeat(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Hold a name twice, with the same content or with another."""
    name = draw.choice(sorted(content))
    twin = "\0" * len(name)  # a place holder of the same length, because zipfile warns of a name that comes twice
    data = draw.choice((content[name], b"other"))
    made = packed(draw.choice(({**content, twin[:-1] + "x": data}, {twin[:-1] + "x": data, **content})))
    return made.replace((twin[:-1] + "x").encode(), name.encode())


def outside(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Rename a member so that it leads out of the bundle."""
    name, chosen = draw.choice(sorted(content)), draw.choice(OUTSIDE[:-1])
    return packed({chosen if key == name else key: data for key, data in content.items()})


def other_kind(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Make a member a symbolic link, a folder or a pipe."""
    name, kind = draw.choice(sorted(content)), draw.choice((SYMLINK, FOLDER, PIPE))

    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == name:
            info.external_attr = kind << 16

    return packed({**content, name: draw.choice((content[name], b"/etc/passwd"))}, change)


def hard_link(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Add the extra field of a hard link (PKWARE Unix, 0x000d), whose target stands in it."""
    name, target = draw.choice(sorted(content)), draw.choice(sorted(content)).encode()
    field = struct.pack("<2H2L2H", 0x000D, 12 + len(target), 0, 0, 0, 0) + target

    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == name:
            info.extra = field

    return packed({**content, name: draw.choice((content[name], b""))}, change)


def encrypt(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Set flags of encryption or of a data descriptor in every header."""
    return _patched(packed(content), 6, 8, draw.choice((0x01, 0x08, 0x40, 0x2000)))


def other_method(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Pack with another method, or claim one."""
    if draw.random() < 0.5:
        method = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))

        def change(info: zipfile.ZipInfo) -> None:
            info.compress_type = method

        return packed(content, change)
    return _patched(packed(content), 8, 10, draw.choice((1, 9, 12, 97)))


def _patched(whole: bytes, local: int, central: int, bits: int) -> bytes:
    """Set bits of a 16-bit field in every local and central header, at these offsets."""
    out = bytearray(whole)
    for mark, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        place = out.find(mark)
        while place >= 0:
            (value,) = struct.unpack_from("<H", out, place + offset)
            struct.pack_into("<H", out, place + offset, value | bits)
            place = out.find(mark, place + 4)
    return bytes(out)


BOMB = 8 << 20
"""Bytes that a bomb unpacks to: a thousand times what it takes in the zip."""


def bomb(whole: bytes, content: Content, draw: random.Random) -> bytes:
    name = draw.choice(sorted(content))
    return packed({**content, name: bytes(BOMB)})


def bomb_that_lies(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """State the manifest's size and CRC-32 for a stream that unpacks to far more."""
    name = draw.choice(sorted(content))
    true, deflate = content[name], zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = deflate.compress(draw.choice((true, b"")) + bytes(BOMB)) + deflate.flush()
    made = bytearray(packed({**content, name: stream}, lambda info: _store(info, name)))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = made.find(mark)
        while made[place + offset + (22 if offset == 8 else 36) :][: len(name)] != name.encode():
            place = made.find(mark, place + 4)
        struct.pack_into("<H", made, place + offset, zipfile.ZIP_DEFLATED)
        struct.pack_into("<3L", made, place + offset + 6, zlib.crc32(true), len(stream), len(true))
    return bytes(made)


def _store(info: zipfile.ZipInfo, name: str) -> None:
    if info.filename == name:
        info.compress_type = zipfile.ZIP_STORED


def overlap(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Let two entries of the directory share one member."""
    out = bytearray(packed(content))
    entries, place = [], out.find(b"PK\x01\x02")
    while place >= 0:
        entries.append(place)
        place = out.find(b"PK\x01\x02", place + 4)
    one, other = draw.sample(entries, 2)
    out[one + 42 : one + 46] = out[other + 42 : other + 46]
    return bytes(out)


def reorder(whole: bytes, content: Content, draw: random.Random) -> bytes:
    """Pack the same files in another order, which changes nothing."""
    names = sorted(content)
    draw.shuffle(names)
    return packed({name: content[name] for name in names})


def comment(whole: bytes, content: Content, draw: random.Random) -> bytes:
    out = io.BytesIO(whole)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = draw.randbytes(draw.randint(1, 300))
    return out.getvalue()


MUTATIONS: tuple[Mutation, ...] = (
    flip, flip_in_directory, truncate, cut_out, append, prepend, swap, damage_member, delete, edit, add, repeat,
    outside, other_kind, hard_link, encrypt, other_method, bomb, bomb_that_lies, overlap, reorder, comment,
)  # fmt: skip
