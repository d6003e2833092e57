"""``read`` parses the metadata in a model file: TFLite Metadata, or ONNX ``metadata_props``.

TFLite Metadata (https://github.com/google-ai-edge/mediapipe, ``metadata_schema.fbs``) names the
outputs by their meaning and states how pixels are normalized. Exporters write properties into ONNX files; Ultralytics
writes the task, for example.
"""

import mmap
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from edge import flatbuffer
from edge.flatbuffer import Damaged, Table
from edge.protobuf import Message

NORMALIZATION = 1
"""The number of NormalizationOptions in the ProcessUnitOptions of TFLite Metadata."""

MOST_PROPERTIES = 1000


class FileMetadata(NamedTuple):
    """The metadata of a file. What the file does not state is empty or None.

    Attributes:
        output_names: the meaning of each output, in the file's order.
        mean: the mean that is subtracted from pixels of 0 to 255, one for all channels or one per channel.
        std: the number by which the difference is divided, likewise.
        properties: other properties by name.
    """

    output_names: tuple[str, ...] = ()
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    properties: Mapping[str, str] = MappingProxyType({})


def read(path: Path) -> FileMetadata:
    """Return the metadata of a ``.tflite`` or ``.onnx`` file. It is empty for a damaged file or another format."""
    reader = {".tflite": _tflite, ".onnx": _onnx}.get(path.suffix.lower())
    if reader is None:
        return FileMetadata()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return reader(data)
    except (Damaged, OSError, ValueError):
        return FileMetadata()


def _tflite(data: Any) -> FileMetadata:
    model = flatbuffer.root(data)
    number = next((row.number(1, "<I") for row in model.tables(6) if row.text(0) == "TFLITE_METADATA"), None)
    holder = None if number is None else _at(model, 4, number)
    if holder is None:
        return FileMetadata()
    graph = next(flatbuffer.root(holder.bytes(0)).tables(3), None)
    if graph is None:
        return FileMetadata()
    names = tuple(tensor.text(0) for tensor in graph.tables(3))
    entry = next(graph.tables(2), None)
    mean, std = (None, None) if entry is None else _normalization(entry)
    return FileMetadata(names, mean, std)


def _at(table: Table, field_number: int, index: int) -> Table | None:
    return next((row for at, row in enumerate(table.tables(field_number)) if at == index), None)


def _normalization(entry: Table) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Return mean and standard deviation of an input's metadata, or None when there are no valid ones."""
    for unit in entry.tables(4):
        options = unit.table(1)
        if unit.number(0, "<B") == NORMALIZATION and options is not None:
            mean, std = options.numbers(0, "f"), options.numbers(1, "f")
            if mean and std and all(abs(m) < 1e6 for m in mean) and all(0 < s < 1e6 for s in std):
                return mean, std
    return None, None


def _onnx(data: Any) -> FileMetadata:
    found: dict[str, str] = {}
    for pair in Message(data).messages(14):
        parts = {number: part.text() for number, part in pair.parts()}
        found[parts.get(1, "")] = parts.get(2, "")
        if len(found) == MOST_PROPERTIES:
            break
    return FileMetadata(properties=found)
