"""What a network is for: its signature, its labels, and what was assumed of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge import labels, tasks
from edge.deploy import open_outputs
from edge.deploy.conversion import produce
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion_options import ConversionOptions
from edge.deploy.recorded_signature import is_recorded
from edge.deploy.samples import NetworkInfo, Samples
from edge.deploy.signature import SignatureOptions, find_signature
from edge.recognize import Found
from edge.session_options import check_use

Report = Callable[[str], None]

SHOWN = 10
"""The most class names in a note."""


def network_of(
    options: ConversionOptions, source: SourceModel, folder: Path, report: Report
) -> tuple[NetworkInfo, tuple[str, ...]]:
    """Return what is known of the network, and the notes on what was assumed, which are reported too.

    Args:
        options: what the user states.
        source: the model.
        folder: where a file of the model may be written, by whose operations its outputs are recognized.
        report: takes one line for the user.

    Raises:
        InputError: the signature, the labels and the options do not fit together.
    """
    names, origin, read = _labels(options, source)
    _check_count(options, source, names, origin)
    found = _signature(options, source, names, folder)
    signature, names = found.signature, names or found.labels
    task = tasks.load(signature.task.name)
    check_use(signature, getattr(task, "takes_labels", True), options.labels is not None, options.pixels.given())
    task(signature, names or None, origin)  # raises when signature or labels do not fit
    for note in (notes := (*read, *found.notes, *open_outputs.notes(source, signature.task))):
        report(note)
    specs = {spec.name: spec for spec in source.inputs}
    return NetworkInfo(signature, specs, names, source.record or {}, source.folder), notes


def _labels(options: ConversionOptions, source: SourceModel) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the labels, the file that they come from, and a note on a file that nobody named.

    It is the given file, else ``<model>_labels.txt`` beside the model's file, else ``labels.txt`` there.
    """
    if options.labels:
        return tuple(labels.read(options.labels)), str(options.labels), ()
    if source.folder and source.stem and _is_filled(named := source.folder / f"{source.stem}_labels.txt"):
        found = tuple(labels.read(named))
        return found, str(named), (f"{len(found)} labels read from {named}",)
    beside = source.labels or (source.folder / "labels.txt" if source.folder else None)
    if beside and _is_filled(beside):
        ours = source.record is not None or source.labels is not None
        return tuple((labels.read_plain if ours else labels.read)(beside)), str(beside), ()
    return (), "labels", ()


def _is_filled(path: Path) -> bool:
    return path.is_file() and bool(path.read_bytes().strip())


def _check_count(options: ConversionOptions, source: SourceModel, names: Sequence[str], origin: str) -> None:
    """Check the number of labels where they say that the only vector holds scores, before a file is made for that."""
    told = options.labels is not None and options.task is None and options.decoder is None
    if len(source.outputs) != 1 or is_recorded(source) or not (told or (names and options.task == "classify")):
        return
    output = source.outputs[0]
    count = int(np.prod(output.shape))
    if output.dtype.kind == "f" and 1 < count == max(output.shape):
        labels.check_count(names, count, origin)


def _signature(options: ConversionOptions, source: SourceModel, names: tuple[str, ...], folder: Path) -> Found:
    """Return the signature, the notes on what was assumed, and labels inside the file."""
    stated = SignatureOptions(
        options.task, options.decoder, options.parameters, options.kind, options.pixels, len(names) or None
    )
    return find_signature(source, stated, lambda: produce.first_file(source, folder))


def with_class_names(
    network: NetworkInfo, data: Sequence[tuple[Path, Samples | None]], report: Report
) -> tuple[NetworkInfo, tuple[str, ...]]:
    """Return a classifier without labels with the names of its data's classes, and a note that says so.

    Args:
        network: what is known of the network.
        data: the data sets and their samples, whose truths are the places of their classes in sorted order.
        report: takes the note, or one line that says that there are no labels.
    """
    if network.labels or not network.classifies:
        return network, ()
    classes = _classes(network)
    fitting = {samples.classes: path for path, samples in data if samples and len(samples.classes) == classes}
    if len(fitting) != 1:
        report("no labels: give --labels FILE to name the classes")
        return network, ()
    ((names, path),) = fitting.items()
    shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    note = (
        f"assumed that the network's classes are those of {path} in sorted order: {shown}; --labels FILE says otherwise"
    )
    report(note)
    return replace(network, labels=names), (note,)


def _classes(network: NetworkInfo) -> int:
    task: Any = tasks.load(network.signature.task.name)(network.signature, None)
    return int(task.classes)
