"""What a model's outputs mean: one file per task, one table.

A task is made from a class: ``load("classify")(labels=…, output=…, top=…)``.
"""

from typing import Any

from edge import registry
from edge.registry import Entry

TASKS: dict[str, Entry] = {
    "classify": Entry("edge.tasks.classify:Classify", "one class for the whole picture"),
}


def load(name: str) -> Any:
    """Return the class of task ``name``. Raises InputError for one that is not in the table."""
    return registry.load("task", TASKS, name)
