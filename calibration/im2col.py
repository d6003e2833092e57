"""im2col: the pixels that a convolution multiplies by its weights, at chosen output positions.

Images are channels-last, (n, height, width, channels), float32. A position is the number of an output when the outputs
of all images are counted image by image, row by row, from left to right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution's kernel.

    Attributes:
        size: height and width of the kernel, in taps.
        stride: rows and columns from one output to the next.
        dilation: rows and columns from one tap to the next.
        same: whether zeros surround the image, as for TensorFlow's "SAME" padding; an odd zero is put behind.
    """

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    same: bool = False

    def outputs_and_padding(self, axis: int, size: int) -> tuple[int, int]:
        """Return how many outputs an image of ``size`` rows or columns has, and how many zeros lie before it."""
        extent = (self.size[axis] - 1) * self.dilation[axis] + 1
        if not self.same:
            return (size - extent) // self.stride[axis] + 1, 0
        outputs = -(-size // self.stride[axis])
        return outputs, max((outputs - 1) * self.stride[axis] + extent - size, 0) // 2


def im2col(image: Floats, positions: Positions, window: Window) -> Floats:
    """Return the pixels under the window at each position, with zeros outside the image.

    Args:
        image: (n, height, width, channels).
        positions: numbers of outputs, see the top of this file.
        window: the convolution's geometry.

    Returns:
        (positions, kernel height, kernel width, channels).
    """
    _, *sides, _ = image.shape
    (rows, top), (columns, left) = (window.outputs_and_padding(axis, size) for axis, size in enumerate(sides))
    which, *at = np.unravel_index(positions, (len(image), rows, columns))
    found = []
    for axis, before in enumerate((top, left)):
        taps = np.arange(window.size[axis]) * window.dilation[axis] - before
        found.append(at[axis][:, None] * window.stride[axis] + taps)
    y, x = found[0][:, :, None], found[1][:, None, :]
    inside = (y >= 0) & (y < sides[0]) & (x >= 0) & (x < sides[1])
    pixels = image[which[:, None, None], np.clip(y, 0, sides[0] - 1), np.clip(x, 0, sides[1] - 1)]
    return np.where(inside[..., None], pixels, np.float32(0))


def grouped_rows(image: Floats, positions: Positions, window: Window, groups: int) -> Floats:
    """Return what each group of a convolution multiplies by its weights, one row a position.

    Args:
        image: (n, height, width, channels).
        positions: numbers of outputs, see the top of this file.
        window: the convolution's geometry.
        groups: 1 for an ordinary convolution; the number of channels for a depthwise one.

    Returns:
        (groups, positions, n), with n in the order height, width, channel of the group.
    """
    pixels = im2col(image, positions, window)
    split = pixels.reshape(*pixels.shape[:3], groups, -1)
    return np.moveaxis(split, 3, 0).reshape(groups, len(positions), -1)


def dense_rows(values: Floats, positions: Positions, inputs: int) -> Floats:
    """Return what a dense layer multiplies by its weights, as one group: (1, positions, inputs).

    Args:
        values: a tensor whose values the layer reads ``inputs`` at a time.
        positions: which of those reads to return.
        inputs: how many values each output is computed from.
    """
    return values.reshape(1, -1, inputs)[:, positions]
