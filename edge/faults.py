"""Outputs that hold NaN, from which no task may make a result."""

import numpy as np

from edge.errors import BrokenOutput
from edge.signature import TaskSpec
from edge.tensors import Outputs

SUPPRESSED_IN_GRAPH = "tflite_detection"
"""The decoder whose outputs may hold anything in the rows beyond their count."""


def check_numbers(outputs: Outputs, task: TaskSpec) -> None:
    """Check that no output holds NaN, which would otherwise compare as any class.

    Task ``raw`` hands numbers on as they are, and is not checked. Infinity passes: scores may be logarithms of 0.

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
