"""Outputs from which no task may make a result: those that hold NaN, or are not of the size that the file states."""

import numpy as np

from edge.binding import long_axes
from edge.errors import BrokenOutput, InputError
from edge.signature import TaskSpec
from edge.tensors import Outputs

SUPPRESSED_IN_GRAPH = "tflite_detection"
"""The decoder whose outputs may hold anything in the rows beyond their count."""


def takes_any_size(task: TaskSpec) -> bool:
    """Return whether a task reads outputs whose sizes change from run to run."""
    return task.name == "raw" or task.decoder == SUPPRESSED_IN_GRAPH or task.parameters.get("end_to_end") is True


def check_shapes(outputs: Outputs, task: TaskSpec) -> None:
    """Check that each output has the size that was found when the file was opened, axes of 1 aside.

    A file may leave sizes open, and give, say, a row for each object that it finds. Only the decoders of suppressed
    boxes read any number of rows; task ``raw`` hands on what there is.

    Args:
        outputs: of one run, by the signature's names.
        task: of the signature.

    Raises:
        InputError: with the output's name and both shapes.
    """
    if takes_any_size(task):
        return
    for name, tensor in outputs.items():
        stated, given = tensor.spec.shape, tensor.raw.shape
        if given != stated and long_axes(given) != long_axes(stated):
            raise InputError(
                f"output {name!r} must have the shape {stated} in every run for task {task.name}, got {given}; "
                "export the network with an output of a fixed size, or take task raw"
            )


def check_numbers(outputs: Outputs, task: TaskSpec) -> None:
    """Check that no output holds NaN, which would otherwise compare as any class.

    Task ``raw`` hands numbers on as they are, and is not checked. Infinity passes: scores may be logarithms of 0.
    Only a classifier's scores are not infinite upwards, because their softmax would be NaN.

    Args:
        outputs: of one run, by the signature's names.
        task: of the signature.

    Raises:
        BrokenOutput: with the output's name.
    """
    if task.name == "raw" or task.decoder == SUPPRESSED_IN_GRAPH:
        return
    for name, tensor in outputs.items():
        # The minimum of values with a NaN among them is NaN.
        if tensor.raw.dtype.kind == "f" and tensor.raw.size and np.isnan(tensor.raw.min()):
            raise BrokenOutput(
                f"no result: output {name!r} holds NaN; the network divides by 0 or overflows on this input, "
                "or its weights are damaged"
            )
        if task.name == "classify" and tensor.raw.dtype.kind == "f" and np.isposinf(tensor.raw.max(initial=0)):
            raise BrokenOutput(f"no result: output {name!r} holds infinity; the network overflows on this input")
