"""Metadata inside converted files: what a network is for travels with the file, also without its bundle.

Every file that ``edge-convert`` makes has the signature and labels, which ``edge.load`` reads back. A ``.tflite`` file
also has TFLite Metadata, which MediaPipe Tasks read, and an ``.onnx`` file has ``metadata_props``. See
docs/metadata.md.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge import file_metadata
from edge.backends import open_model
from edge.binding import bind
from edge.deploy.conversion.recipe import ConvertedArtifact
from edge.deploy.metadata import schema, tflite_metadata
from edge.deploy.metadata.onnx_properties import with_properties
from edge.deploy.metadata.tflite_file import with_metadata
from edge.embedded import Embedded
from edge.errors import InputError
from edge.signature import Signature


def add(
    converted: Sequence[ConvertedArtifact],
    name: str,
    signature: Signature,
    labels: Sequence[str],
    report: Callable[[str], None],
) -> None:
    """Write the metadata into converted files, which are replaced.

    Args:
        converted: the ``.tflite`` and ``.onnx`` files.
        name: the network's name.
        signature: the network's signature.
        labels: the class names; empty when there are none.
        report: takes one line that says why a file has no metadata.
    """
    for each in converted:
        own = Embedded(signature, tuple(labels), each.artifact.tensors)
        try:
            each.path.write_bytes(FORMATS[each.path.suffix](each.path, name, own))
        except InputError as error:
            report(f"no metadata in {each.path.name}: {error}")


def _tflite(path: Path, name: str, own: Embedded) -> bytes:
    with open_model(path) as model:
        inputs = _in_file_order(model.inputs, own.signature.inputs, own.tensors.inputs, path)
        outputs = _in_file_order(model.outputs, own.signature.outputs, own.tensors.outputs, path)
    described = tflite_metadata.describe(name, own.signature, own.labels, inputs, outputs)
    entries = {schema.ENTRY: described.buffer, file_metadata.OWN_ENTRY: own.as_text().encode("utf-8")}
    return with_metadata(path.read_bytes(), entries, described.files)


def _in_file_order(specs: Sequence[Any], known: Sequence[Any], names: Any, path: Path) -> list[Any]:
    """Return the signature's inputs or outputs in the order of the file's tensors."""
    places = bind(specs, known, names, path)
    return sorted(known, key=lambda one: places[one.name][0])


def _onnx(path: Path, name: str, own: Embedded) -> bytes:
    properties = {
        file_metadata.OWN_PROPERTY: own.as_text(),
        "edge.task": own.signature.task.name,
    }
    if own.labels:
        properties["edge.labels"] = "\n".join(own.labels)
        properties["names"] = repr(dict(enumerate(own.labels)))
    return with_properties(path.read_bytes(), properties)


FORMATS = {".tflite": _tflite, ".onnx": _onnx}
