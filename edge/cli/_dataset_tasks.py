"""``open_dataset`` opens the data set of ``--data``. Its dataset task follows from the network's task and the files."""

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
    """A data set whose files are listed, but not read.

    Attributes:
        identity: the name and digest that identify the data set in a record.
        sample: the word for one sample in messages.
        load: takes (input_shape, settings, cache), reads the data and returns the dataset task.
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
    """List the data set of ``--data`` for a network. Nothing is decoded yet.

    Args:
        network: the name of a network. A plug-in counts as a classifier.
        data: a folder, a zip, or the name of a drawn data set.
        input_shape: the input shape of the network, without the batch.
        options: the options of the reader.
        shared: the options of the network. The reader takes those that it knows, such as a detector's anchors, which
            both need.

    Raises:
        InputError: the network's task cannot be trained, or the data are for another task.
        FileError: the data cannot be read.
    """
    from edge.models.networks import NETWORKS

    row = NETWORKS.get(network)
    tasks = row.tasks if row else ("classify",)
    return open_row(_row_for(tasks, data, len(input_shape)), data, options, shared)


def _row_for(tasks: tuple[str, ...], data: str, dimensions: int) -> str:
    """Return the name of the dataset task for a network's tasks and the data."""
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
    """List the data set of ``--data`` for a dataset task.

    Args:
        name: the name of the dataset task.
        data: a folder, a zip, or the name of a drawn data set.
        options: the options of the reader.
        shared: the options of the network; see ``open_dataset``.

    Raises:
        InputError: there is no such dataset task, or the drawn data set is for another one.
        FileError: the data cannot be read.
    """
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
    """Return the reader's keyword arguments. Raises InputError for an option that it does not take."""
    parameters = inspect.signature(read).parameters
    known = [name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY]
    if unknown := [name for name in options if name not in known]:
        allowed = f"must be one of {', '.join(known)}" if known else "does not fit: such data are read without options"
        raise InputError(f"--data-option {allowed}, got {unknown[0]}")
    supplied = {"cache": cache} if "cache" in parameters else {}
    return supplied | {name: value for name, value in shared.items() if name in known} | options


def say_left_out(names: list[str], sample: str = "image") -> None:
    """Print one line on the samples that could not be decoded, if there are any."""
    from edge.pictures import left_out

    if names:
        print(left_out(names, sample), file=sys.stderr)
