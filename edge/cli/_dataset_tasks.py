"""``--data`` of edge-train: what the data are, told by the network's task and the files; read once it is claimed."""

import hashlib
import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.models.training.classification.classification import Classification
    from edge.models.training.dataset_task import DatasetTask
    from edge.models.training.folder import ImageFolder
    from edge.models.training.settings import Settings


@dataclass(frozen=True)
class Opened:
    """identity: what tells the data set from another in a record. load: of (input_shape, settings, cache)."""

    identity: dict[str, str]
    load: Callable[[tuple[int, ...], "Settings", Path], "DatasetTask"]


def open_dataset(
    network: str, data: str, options: dict[str, Any] | None = None, shared: dict[str, Any] | None = None
) -> Opened:
    """List the data set behind ``--data``; nothing is decoded yet.

    options: those of the task's reader. shared: the network's, of which the reader takes those that it knows: the
    anchors of a detector are laid out by both.
    """
    from edge.models.networks import NETWORKS
    from edge.models.training.task_table import DATASET_TASKS, FOLDERS, file_names, reader_of

    row, root = NETWORKS.get(network), Path(data)
    tasks = row.tasks if row else (FOLDERS,)
    reader = reader_of(tasks, file_names(root) if root.exists() else ())
    if reader == FOLDERS:
        if options:
            raise InputError(f"image folders are read without options, got --data-option {next(iter(options))}")
        return _folder(data)

    def load(input_shape: tuple[int, ...], settings: "Settings", cache: Path) -> "DatasetTask":
        from edge import registry

        read = registry.load("data", DATASET_TASKS, reader)
        known = list(inspect.signature(read).parameters)[4:]
        if unknown := [name for name in options or () if name not in known]:
            raise InputError(f"--data-option {unknown[0]} is not one of: {', '.join(known)}")
        both = {name: value for name, value in (shared or {}).items() if name in known} | (options or {})
        made: DatasetTask = read(root, input_shape, settings, _main.progress("reading"), **both)
        return made

    digest = hashlib.sha256(json.dumps(file_names(root)).encode()).hexdigest()
    return Opened({"name": root.name, "members_sha256": digest}, load)


def _folder(data: str) -> Opened:
    from edge.cli._data import identity, open_data

    folder = open_data(data)
    return Opened(identity(folder), lambda shape, settings, cache: load_folder(folder, shape, settings, cache))


def load_folder(
    folder: "ImageFolder",
    size: tuple[int, ...],
    settings: "Settings",
    cache: Path,
    mean: tuple[float, ...] = (127.5,),
    std: tuple[float, ...] = (127.5,),
) -> "Classification":
    """Decode an image folder's splits and say which images were left out. mean, std: see Decoded."""
    from edge.models.training.classification.images import load
    from edge.pictures import left_out

    height, width, channels = size
    made = load(folder, (height, width, channels), settings, cache, _main.progress, mean, std)
    if made.corrupt:
        print(left_out(made.corrupt), file=sys.stderr)
    return made
