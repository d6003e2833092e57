"""Which decoder reads a bare file: told by a person, or found by the decoders' own recognizers."""

import math
from typing import Any

from edge import decoders
from edge.decoders.base import Recognized
from edge.decoders.heads import layout_of, size_of_input
from edge.decoders.yolo_boxes import YOLO_PIXELS, strides_for
from edge.errors import InputError
from edge.recognize import ultralytics
from edge.recognize.asked import Asked, Facts, Reading
from edge.recognize.inputs import pictures
from edge.signature import ROLES, TaskSpec, describe
from edge.tensors import TensorSpec

ORDER = "order"
"""The parameter that gives the outputs' roles in the file's order."""

OTHER_TASKS = ("classify", "obb", "segment")
"""What Ultralytics writes into the metadata of files whose outputs look like a detector's and are none."""

POSE = "yolov8_pose"
"""The decoder of a file whose metadata says that its task is ``pose``."""


def recognized(facts: Facts, task: str | None) -> list[Reading]:
    """Return what the decoders recognize, those of one task or of all; more than one when the shapes fit several."""
    stated = facts.metadata.properties.get("task")
    if stated in OTHER_TASKS:
        return []
    if stated == "pose":
        return _pose(facts) if task in (None, "keypoints") else []
    names = decoders.names(task)
    if len(facts.outputs) == 1 and _is_vector(facts.outputs[0]):  # a plug-in may read one, no decoder of ours does
        names = [name for name in names if name not in decoders.DECODERS]
    found = [of for name in names if (of := _recognized(facts, name)) is not None]
    return [Reading(of.task, of.roles, of.reason, of.input) for of in found]


def _pose(facts: Facts) -> list[Reading]:
    """Return the reading of a file that says that it gives YOLO's poses: its keypoints may be others than COCO's."""
    found = _recognized(facts, POSE)
    if found is not None:
        return [Reading(found.task, found.roles, found.reason, found.input)]
    size, shapes = size_of_input(facts.inputs), [output.shape for output in facts.outputs]
    if size is None or len(shapes) != 1 or len(shapes[0]) != 3 or not strides_for(size, max(shapes[0][1:])):
        return []
    dimensions = ultralytics.keypoint_numbers(facts.metadata.properties)
    task = TaskSpec("keypoints", POSE, {"dimensions": dimensions})
    return [Reading(task, ("points",), "YOLO's keypoints, as the file's metadata says", YOLO_PIXELS)]


def _is_vector(output: TensorSpec) -> bool:
    """Return whether all axes but one are 1."""
    return math.prod(output.shape) == max(output.shape, default=0)


def _recognized(facts: Facts, name: str) -> Recognized | None:
    recognize = decoders.recognizer(name)
    return recognize(facts.inputs, facts.meant, facts.ends) if recognize else None


def named(facts: Facts, asked: Asked, name: str) -> Reading:
    """Return the reading by the decoder that somebody named. Raises InputError when the outputs are not its head."""
    task = decoders.task_of(name)
    if asked.task not in (None, task):
        raise InputError(f"decoder {name} belongs to task {task}, not to task {asked.task}")
    order = asked.parameters.get(ORDER)
    found = _recognized(facts, name)
    if found is not None and order is None:
        return Reading(found.task, found.roles, found.reason, found.input)
    roles = _in_order(facts, order) if order is not None else _roles(facts, name)
    parameters: dict[str, Any] = {}
    if name == "heatmaps":
        parameters["layout"] = layout_of(pictures(facts.inputs, asked), facts.outputs[0]) or "NHWC"
    return Reading(TaskSpec(task, name, parameters), roles, f"decoder {name}")


def _roles(facts: Facts, name: str) -> tuple[str, ...]:
    find = decoders.role_finder(name)
    if find is None:
        raise InputError(f"decoder {name} needs the parameter {ORDER}, the role of each output in the file's order")
    return find(facts.meant)


def _in_order(facts: Facts, order: Any) -> tuple[str, ...]:
    """Return the roles that somebody gave."""
    if not isinstance(order, list | tuple) or len(order) != len(facts.outputs) or not set(order) <= set(ROLES):
        raise InputError(
            f"parameter {ORDER} must be one of {', '.join(ROLES)} for each of {describe(facts.outputs)}, got {order!r}"
        )
    return tuple(order)


def of_task(facts: Facts, asked: Asked, task: str) -> list[Reading]:
    """Return the readings for a task with decoders whose decoder nobody named."""
    found = recognized(facts, task)
    if found or task != "keypoints":
        return found
    for name in ("heatmaps", "landmarks"):
        try:
            return [named(facts, asked, name)]
        except InputError:
            continue
    return []
