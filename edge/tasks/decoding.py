"""Code of tasks with decoders: find the decoder of a signature, and map its detections to the frame."""

from typing import Any

import numpy as np

from edge import decoders
from edge.decoders.select import Selected
from edge.errors import InputError
from edge.placement import Placement
from edge.signature import Signature, describe
from edge.tasks.parameters import Parameters


def decoder_of(signature: Signature, given: Parameters) -> Any:
    """Construct the decoder of a signature, which reads its parameters.

    Raises:
        InputError: there is no decoder, it belongs to another task, or it does not fit the outputs.
    """
    task, name = signature.task.name, signature.task.decoder
    if name is None:
        raise InputError(
            f"task {task} needs a decoder, one of {', '.join(decoders.names(task))}; "
            f"the outputs are {describe(signature.outputs)}"
        )
    if decoders.task_of(name) != task:
        raise InputError(
            f"decoder {name} belongs to task {decoders.task_of(name)}; those of task {task} are "
            f"{', '.join(decoders.names(task))}"
        )
    given.get("order")  # which output is which; edge.recognize has put it into the roles
    return decoders.load(name)(given.within(signature))


def on_frame(found: Selected, placement: Placement | None) -> Selected:
    """Map detections to pixels of the frame, and remove those outside of it."""
    if placement is None:
        return found
    boxes, points = placement.boxes_to_frame(found.boxes), found.points
    if points is not None:
        points = np.concatenate([placement.to_frame(points[..., :2]), points[..., 2:]], axis=-1)
    inside = (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
    return Selected(boxes, found.scores, found.classes, points).take(inside)
