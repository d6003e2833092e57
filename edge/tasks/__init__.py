"""A task turns a network's outputs into a result. Each task has a file and a row in the table.

A task is a class that is constructed for one signature, see ``edge.tasks.base``. Another package adds a task with an
entry point of the group ``edge.tasks`` that names such a class. Importing this package imports no OpenCV.
"""

from typing import TYPE_CHECKING

from edge import registry
from edge.registry import Entry

if TYPE_CHECKING:
    from edge.tasks.base import Task

TASKS: dict[str, Entry] = {
    "classify": Entry("edge.tasks.classify:Classify", "classes of the whole input"),
    "detect": Entry("edge.tasks.detect:Detect", "objects with their boxes"),
    "segment": Entry("edge.tasks.segment:Segment", "one class for each pixel"),
    "keypoints": Entry("edge.tasks.keypoints:Keypoints", "points of a body, a face or a thing"),
    "embed": Entry("edge.tasks.embed:Embed", "a vector that is near for the same and far for another"),
    "regress": Entry("edge.tasks.regress:Regress", "measured quantities"),
    "image": Entry("edge.tasks.image:ImageToImage", "a picture, as networks for super-resolution and style make it"),
    "raw": Entry("edge.tasks.raw:Raw", "the outputs as they are"),
}


def names() -> list[str]:
    """Return the name of every task."""
    return registry.names("task", TASKS)


def load(name: str) -> "type[Task]":
    """Return the class of a task. Raises InputError when the table has no such task."""
    task: type[Task] = registry.load("task", TASKS, name)
    return task
