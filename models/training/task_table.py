"""The table of dataset tasks: which function reads the path behind ``--data`` and returns a ``DatasetTask``.

A row's ``target`` is called as ``load(root, input_shape, settings, progress, **options)`` and returns the task:

- root: a folder or a zip.
- input_shape: the network's, without the batch.
- progress: a function that is called with the number of samples that were read and of all samples.
- options: those of ``--data-option``, which the reader takes by keyword only. One that was not given is not passed.

A reader that takes ``cache`` gets a folder for decoded samples, too. It raises FileError for data that cannot be read,
and InputError for data that does not fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import InputError, unknown_name
from edge.models.networks import NETWORKS, TASKS
from edge.models.training.settings import OptimizerName
from edge.registry import Entry

_NEEDS = ("tensorflow", "tf_keras")


@dataclass(frozen=True, kw_only=True)
class Reader(Entry):
    """One row.

    Attributes:
        listing: the function of the root that lists the data set before anything is decoded, as
            ``"package.module:function"``. It imports no framework, and raises as ``load`` does. Two data sets are the
            same when their listings are.
        sample: what one sample is called in messages.
        drawn: the name of the drawn set of such data, a row of ``edge.scenes.sets``.
        optimizer: the optimizer that the task is usually trained with, of ``edge.models.training.settings``.
    """

    listing: str = "edge.models.training.folder:file_names"
    sample: str = "image"
    drawn: str = ""
    optimizer: OptimizerName = "sgd"


def _row(target: str, summary: str, **facts: object) -> Reader:
    return Reader(f"edge.models.training.{target}", summary, "train", _NEEDS, **facts)  # type: ignore[arg-type]


DATASET_TASKS: dict[str, Reader] = {
    "classify": _row(
        "classification.classification_task:load",
        "train/<class>/*.jpg and test/<class>/*.jpg",
        listing="edge.models.training.folder:class_listing",
        drawn="scenes",
    ),
    "segment": _row("segmentation.segmentation_task:load", "images and masks of the same names", drawn="scenes:masks"),
    "detect": _row("detection.detection_task:load", "VOC: JPEGImages, Annotations, ImageSets", drawn="scenes:boxes"),
    "keypoints": _row(
        "keypoints.keypoint_task:load",
        "COCO: annotations/train.json and pictures",
        drawn="scenes:keypoints",
        optimizer="adam",  # as in the paper; its loss, a sum over a map's cells, diverges with sgd at 0.1
    ),
    "embed": _row(
        "embedding.embedding_task:load", "train/<person>/*.jpg, test/<other person>/*.jpg", drawn="scenes:faces"
    ),
    "speech": _row(
        "sound.speech_task:load",
        "<label>_<speaker>_<index>.wav, split by speaker",
        sample="sound",
        drawn="scenes:sounds",
    ),
    "text": _row(
        "text.text_task:load",
        "train.tsv and test.tsv of label<TAB>sentence, or train/<class>.txt",
        sample="sentence",
        drawn="scenes:sentences",
    ),
    "clips": _row(
        "clips.clip_task:load",
        "train/<class>/<clip>.avi, or a folder of frames each",
        listing="edge.models.training.clips.clip_folder:listing",
        sample="clip",
        drawn="scenes:clips",
    ),
}

SOUNDS = {".wav"}

BY_DIMENSIONS = {1: "text", 2: "speech", 4: "clips"}
"""The data of a classifier by the dimensions of its input, without the batch; one with three sees images or sounds."""


def reader_of(tasks: tuple[str, ...], dimensions: int, names: Iterable[str]) -> str:
    """Return the row of ``DATASET_TASKS`` for a network and a data set.

    The data of a classifier with an input of three dimensions are sounds when there is a sound among the files, and
    images otherwise.

    Args:
        tasks: the tasks of the network, the main one first.
        dimensions: the number of dimensions of the network's input, without the batch.
        names: the files of the data set.

    Raises:
        InputError: the network's task cannot be trained by the command.
    """
    task = tasks[0]
    trained = [name for name in DATASET_TASKS if name in TASKS]
    if task not in trained:
        raise InputError(f"edge-train fits networks for these tasks: {', '.join(trained)}; this one is to {task}")
    if task != "classify":
        return task
    if dimensions == 3:
        return "speech" if any(Path(name).suffix.lower() in SOUNDS for name in names) else "classify"
    return BY_DIMENSIONS[dimensions]


def drawn_for(name: str) -> str:
    """Return the row of ``DATASET_TASKS`` that the drawn set ``name`` is for. Raises InputError for an unknown set."""
    rows = {row.drawn: task for task, row in DATASET_TASKS.items()}
    if name not in rows:
        raise unknown_name("drawn set", name, rows)
    return rows[name]


def usual_optimizer(network: str) -> OptimizerName:
    """Return the optimizer that networks of this kind are usually trained with; sgd for one of another package."""
    tasks = NETWORKS[network].tasks if network in NETWORKS else ()
    return next((DATASET_TASKS[task].optimizer for task in tasks if task in DATASET_TASKS), "sgd")
