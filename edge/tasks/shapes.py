"""Checks of an output's shape: the length of a vector, and the layout and channels of a map."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.signature import Output, Signature

LAYOUTS = ("NHWC", "NCHW")


def vector_length(output: Output, task: str) -> int:
    """Return the length of a vector, whose other axes have size 1. Raises InputError for another shape."""
    length = max(output.shape, default=0)
    count = 1
    for size in output.shape:
        count *= size
    if not length or count != length:
        raise InputError(f"task {task} needs one vector, (1, n), got output {output.name!r} {output.shape}")
    return length


def map_channels(output: Output, task: str, layout: str) -> int:
    """Return the number of channels of a map: (1, rows, columns[, channels]), or (1, channels, rows, columns) for NCHW.

    A map without a channel axis has 1 channel. Raises InputError for another shape.
    """
    shape = output.shape
    if len(shape) not in (3, 4) or shape[0] != 1 or 0 in shape:
        wanted = "(1, rows, columns, channels)" if layout == "NHWC" else "(1, channels, rows, columns)"
        raise InputError(f"task {task} needs a map, {wanted}, got output {output.name!r} {shape}")
    return 1 if len(shape) == 3 else shape[-1] if layout == "NHWC" else shape[1]


def channels_last(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """Return a view (rows, columns, channels) of a map's array."""
    if array.ndim == 3:
        return array.transpose(1, 2, 0)
    return np.asarray(array[0]) if layout == "NHWC" else array[0].transpose(1, 2, 0)


def likely_layout(signature: Signature, output: Output) -> str:
    """Return the likely layout of a map: the one with the aspect ratio of the image input.

    When both or neither layout have it, the layout of the input is returned, because it is nearly always the same.
    """
    image = signature.image
    if image is None or image.format is None:
        return "NHWC"
    width, height = image.size
    if len(output.shape) == 4:
        _, first, second, last = output.shape
        fits = {"NHWC": first * width == second * height, "NCHW": second * width == last * height}
        if fits["NHWC"] != fits["NCHW"]:
            return "NHWC" if fits["NHWC"] else "NCHW"
    return image.format.layout
