"""``with_metadata`` returns a TFLite file with metadata in it. The network's own bytes stay as they are.

A FlatBuffer refers only to later positions. Therefore a new root table with the new entries is written in front of the
old file, and refers to the operations, graphs and buffers that follow it. Files that belong to the metadata, such as
labels, are appended as an uncompressed zip, as TFLite Metadata states
(https://ai.google.dev/edge/litert/models/metadata).
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from edge import flatbuffer
from edge.deploy.metadata.flatbuffer_writer import At, Blob, Number, Row, buffer
from edge.errors import InputError
from edge.flatbuffer import Table

IDENTIFIER = "TFL3"
ALIGNMENT = 64
"""The old file begins at a multiple of this, so that its weights are aligned as before."""

VERSION, BUFFERS, METADATA = 0, 4, 6
REFERENCES = (1, 2, 3, 5, 7)
"""Fields of ``Model``: the numbers of the version, the buffers and the metadata; and of what is only referred to:
operation codes, graphs, description, old metadata buffers and signatures."""

OUTSIDE = 1
"""The number of the field of ``Buffer`` with a position in the file. Files above 2 GB have it."""

FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the zip, so that equal models give equal bytes."""


def with_metadata(content: bytes, entries: Mapping[str, bytes], files: Mapping[str, bytes]) -> bytes:
    """Return the file with more metadata.

    Args:
        content: a TFLite file.
        entries: buffers by the names in ``Model.metadata``; an older entry with the same name is left out.
        files: the associated files by name.

    Raises:
        InputError: the file is damaged, or its weights have fixed positions in the file.
    """
    model = flatbuffer.root(content)
    if any(row.number(OUTSIDE, "<Q") > 1 for row in model.tables(BUFFERS)):
        raise InputError("a file with weights at fixed positions, as those above 2 GB have them, takes no metadata")
    length = len(_front(model, entries, FAR))
    return _front(model, entries, length) + content + _zip(files)


FAR = 1 << 30
"""A length for which all references point forward, while the true one is not known yet."""


def _front(model: Table, entries: Mapping[str, bytes], length: int) -> bytes:
    """Return the new beginning of the file, where the old one is ``length`` bytes behind its own beginning."""
    kept = [row for row in model.tables(METADATA) if row.text(0) not in entries]
    known = [At(length + place) for place in model.positions(BUFFERS)]
    names = [Row({0: row.text(0), 1: Number(row.number(1, "<I"))}) for row in kept]
    names += [Row({0: name, 1: Number(len(known) + index)}) for index, name in enumerate(entries)]
    fields: dict[int, Any] = {VERSION: Number(model.number(VERSION, "<I"))}
    for index in REFERENCES:
        if (place := model.position(index)) is not None:
            fields[index] = At(length + place)
    fields[BUFFERS] = [*known, *(Row({0: Blob(data)}) for data in entries.values())]
    fields[METADATA] = names
    front = buffer(Row(fields), IDENTIFIER)
    return front + bytes(-len(front) % ALIGNMENT)


def _zip(files: Mapping[str, bytes]) -> bytes:
    if not files:
        return b""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, FIRST_DATE), content)
    return packed.getvalue()
