"""``--data`` of edge-train: what the data are, told by the network's task and the files; read once it is claimed."""

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.cli._data import data_path, is_drawn
from edge.errors import InputError, unknown_name

if TYPE_CHECKING:
    from edge.models.training.dataset_task import DatasetTask
    from edge.models.training.settings import Settings


@dataclass(frozen=True)
class Opened:
    """A data set that is listed, but not read.

    Attributes:
        identity: what tells the data set from another in a record.
        sample: what one sample is called in messages.
        load: of (input_shape, settings, cache), the task.
    """

    identity: dict[str, str]
    sample: str
    load: Callable[[tuple[int, ...], "Settings", Path], "DatasetTask"]


def open_dataset(
    network: str,
    data: str,
    input_shape: tuple[int, ...],
    options: dict[str, Any] | None = None,
    shared: dict[str, Any] | None = None,
) -> Opened:
    """List the data set behind ``--data`` for a network; nothing is decoded yet.

    Args:
        network: a row of the table of networks, or a plug-in, which is taken for a classifier.
        data: a folder, a zip, or the name of a drawn set.
        input_shape: of the network, without the batch.
        options: those of the task's reader.
        shared: the network's options, of which the reader takes those that it knows: the anchors of a detector are
            laid out by both.

    Raises:
        InputError: the network's task has no training, or the data are for another task.
        FileError: the data cannot be read.
    """
    from edge.models.networks import NETWORKS

    row = NETWORKS.get(network)
    tasks = row.tasks if row else ("classify",)
    return open_row(_row_for(tasks, data, len(input_shape)), data, options, shared)


def _row_for(tasks: tuple[str, ...], data: str, dimensions: int) -> str:
    """Return the row of the table of dataset tasks."""
    from edge.models.training.folder import file_names
    from edge.models.training.task_table import drawn_for, reader_of

    if is_drawn(data):
        names = ["1.wav"] if drawn_for(data) == "speech" else []
    else:
        names = file_names(Path(data)) if Path(data).exists() else []
    return reader_of(tasks, dimensions, names)


def open_row(
    name: str, data: str, options: dict[str, Any] | None = None, shared: dict[str, Any] | None = None
) -> Opened:
    """List the data set behind ``--data`` by a row of the table of dataset tasks; see ``open_dataset``."""
    from edge import registry
    from edge.models.training.task_table import DATASET_TASKS, drawn_for

    if name not in DATASET_TASKS:
        raise unknown_name("task", name, DATASET_TASKS)
    row = DATASET_TASKS[name]
    if is_drawn(data) and drawn_for(data) != name:
        raise InputError(f"--data {data} is drawn for another task; for the task {name} it must be {row.drawn}")
    root = data_path(data)

    def load(input_shape: tuple[int, ...], settings: "Settings", cache: Path) -> "DatasetTask":
        read = registry.load("data", DATASET_TASKS, name)
        chosen = _chosen(read, options or {}, shared or {}, cache)
        task: DatasetTask = read(root, input_shape, settings, _main.progress("reading"), **chosen)
        say_left_out(task.facts()["corrupt"], row.sample)
        return task

    return Opened({"name": root.name, "members_sha256": _digest(row.listing, root)}, row.sample, load)


def _digest(listing: str, root: Path) -> str:
    module, _, function = listing.partition(":")
    members = getattr(importlib.import_module(module), function)(root)
    return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()


def _chosen(read: Any, options: dict[str, Any], shared: dict[str, Any], cache: Path) -> dict[str, Any]:
    """Return what the reader is called with by name. Raises InputError for an option that it does not take."""
    parameters = inspect.signature(read).parameters
    known = [name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY]
    if unknown := [name for name in options if name not in known]:
        allowed = f"must be one of {', '.join(known)}" if known else "does not fit: such data are read without options"
        raise InputError(f"--data-option {allowed}, got {unknown[0]}")
    supplied = {"cache": cache} if "cache" in parameters else {}
    return supplied | {name: value for name, value in shared.items() if name in known} | options


def say_left_out(names: list[str], sample: str = "image") -> None:
    """Print the line that names the samples that were left out, when there are any."""
    from edge.pictures import left_out

    if names:
        print(left_out(names, sample), file=sys.stderr)
