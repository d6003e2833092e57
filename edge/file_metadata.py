"""``read`` parses the metadata in a model file: TFLite Metadata, ONNX ``metadata_props``, and EdgeKit's own entries.

TFLite Metadata (https://github.com/google-ai-edge/mediapipe, ``metadata_schema.fbs``) names the
outputs by their meaning and states how pixels are normalized. Its label files are in a zip behind the network.
Exporters write properties into ONNX files; Ultralytics writes the task, for example.
"""

import mmap
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from edge import flatbuffer, labels
from edge.errors import InputError
from edge.flatbuffer import Damaged, Table
from edge.protobuf import Message

TFLITE_ENTRY, OWN_ENTRY = "TFLITE_METADATA", "edgekit"
"""The names of entries in a TFLite file: TFLite Metadata, and the signature that EdgeKit writes."""

OWN_PROPERTY = "edge.signature"
"""The name of the ONNX property with the signature that EdgeKit writes."""

NORMALIZATION = 1
"""The number of NormalizationOptions in the ProcessUnitOptions of TFLite Metadata."""

LABEL_KINDS = (2, 3)
"""The numbers of label files in AssociatedFileType: labels of an axis, and of values."""

MOST_PROPERTIES = 1000
MOST_ROWS = 1000
"""Of entries, outputs, files and process units. Real files have some ten."""

MOST_BYTES = 1 << 22
"""Of one label file or of the signature. A thousand labels have some 20 KB."""


class FileMetadata(NamedTuple):
    """The metadata of a file. What the file does not state is empty or None.

    Attributes:
        output_names: the meaning of each output, in the file's order.
        mean: the mean that is subtracted from pixels of 0 to 255, one for all channels or one per channel.
        std: the number by which the difference is divided, likewise.
        properties: other properties by name.
        labels: the class names, unless the signature states them.
        signature: the signature as EdgeKit writes it, see ``edge.embedded``.
        notes: what is damaged and left out, one line each.
    """

    output_names: tuple[str, ...] = ()
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    properties: Mapping[str, str] = MappingProxyType({})
    labels: tuple[str, ...] = ()
    signature: str = ""
    notes: tuple[str, ...] = ()


def read(path: Path) -> FileMetadata:
    """Return the metadata of a ``.tflite`` or ``.onnx`` file. It is empty for a damaged file or another format."""
    reader = {".tflite": _tflite, ".onnx": _onnx}.get(path.suffix.lower())
    if reader is None:
        return FileMetadata()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return reader(data, path)
    except Damaged as error:
        return FileMetadata(notes=(f"the file's metadata is left out: {error}",))
    except (OSError, ValueError):
        return FileMetadata()


def _tflite(data: Any, path: Path) -> FileMetadata:
    model = flatbuffer.root(data)
    entries = {row.text(0): row.number(1, "<I") for row in _rows(model, 6)}
    signature = _entry(model, entries, OWN_ENTRY).decode("utf-8", "replace")
    try:
        content = _entry(model, entries, TFLITE_ENTRY)
        graph = next(flatbuffer.root(content).tables(3), None) if content else None
        found = FileMetadata() if graph is None else _of_graph(graph, path, not signature)
    except Damaged as error:
        found = FileMetadata(notes=(f"the file's TFLite Metadata is left out: {error}",))
    return found._replace(signature=signature)


def _rows(table: Table, field: int) -> Iterator[Table]:
    """Return the tables of a vector, and no more than real files have: a damaged length may be millions."""
    return islice(table.tables(field), MOST_ROWS)


def _entry(model: Table, entries: Mapping[str, int], name: str) -> bytes:
    """Return the buffer of an entry. It is empty when the file has none, or one of more than ``MOST_BYTES``."""
    holder = model.item(4, entries[name]) if name in entries else None
    return b"" if holder is None or holder.length(0) > MOST_BYTES else holder.bytes(0)


def _of_graph(graph: Table, path: Path, with_labels: bool) -> FileMetadata:
    outputs = list(_rows(graph, 3))
    names = tuple(tensor.text(0) for tensor in outputs)
    entry = next(graph.tables(2), None)
    mean, std = (None, None) if entry is None else _normalization(entry)
    found, notes = _labels(outputs, path) if with_labels else ((), ())
    return FileMetadata(names, mean, std, labels=found, notes=notes)


def _normalization(entry: Table) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return mean and standard deviation of an input's metadata, or None when there are no valid ones."""
    for unit in _rows(entry, 4):
        options = unit.table(1)
        if unit.number(0, "<B") == NORMALIZATION and options is not None:
            mean, std = options.numbers(0, "f"), options.numbers(1, "f")
            if mean and std and all(abs(m) < 1e6 for m in mean) and all(0 < s < 1e6 for s in std):
                return mean, std
    return None, None


def _labels(outputs: list[Table], path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels of the first output with a label file, and a note when they cannot be read."""
    name = next((file.text(0) for output in outputs for file in _rows(output, 6) if _is_labels(file)), "")
    if not name:
        return (), ()
    try:
        return tuple(labels.parse(_associated(path, name), labels.printable(name))), ()
    except InputError as error:
        return (), (f"the labels in the file's metadata are left out: {error}",)


def _is_labels(file: Table) -> bool:
    """Return whether an AssociatedFile has labels, and not their translation."""
    return file.number(2, "<b") in LABEL_KINDS and not file.text(3)


def _associated(path: Path, name: str) -> bytes:
    """Return a file of the zip behind the network. Nothing is written to the disk. Raises InputError."""
    import zipfile  # few files have labels, and the import takes ten milliseconds

    shown = labels.printable(name)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError, LookupError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{shown} cannot be read: {labels.printable(str(error))}"[:200]) from error
    except Exception as error:  # zlib, lzma and struct have errors of their own
        raise InputError(f"{shown} cannot be unpacked: {type(error).__name__}") from error
    if len(content) > MOST_BYTES:
        raise InputError(f"{shown} must have at most {MOST_BYTES} bytes")
    return content


def _onnx(data: Any, path: Path) -> FileMetadata:
    found: dict[str, str] = {}
    for pair in Message(data).messages(14):
        parts = {number: part.text() for number, part in pair.parts()}
        found[parts.get(1, "")] = parts.get(2, "")
        if len(found) == MOST_PROPERTIES:
            break
    signature = found.pop(OWN_PROPERTY, "")
    return FileMetadata(properties=found, signature=signature if len(signature) <= MOST_BYTES else "")
