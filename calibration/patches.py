"""What a convolution's sums are over: the pixels under its window at chosen output positions.

Images are channels-last, (n, height, width, channels), float32. Positions count the outputs of one image after the
other, each row from left to right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """size, stride, dilation: (height, width). same: whether zeros surround the image, an odd one behind."""

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    same: bool = False

    def side(self, axis: int, size: int) -> tuple[int, int]:
        """Return how many outputs a side of ``size`` has, and how many zeros lie before it."""
        extent = (self.size[axis] - 1) * self.dilation[axis] + 1
        if not self.same:
            return (size - extent) // self.stride[axis] + 1, 0
        outputs = -(-size // self.stride[axis])
        return outputs, max((outputs - 1) * self.stride[axis] + extent - size, 0) // 2


def under(image: Floats, positions: Positions, window: Window) -> Floats:
    """Return the pixels under the window, (positions, height, width, channels); zeros outside the image."""
    _, *sides, _ = image.shape
    (rows, top), (columns, left) = (window.side(axis, size) for axis, size in enumerate(sides))
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
    """Return (groups, positions, n), n in the order height, width, channel of the group.

    A depthwise convolution has a group for each channel.
    """
    pixels = under(image, positions, window)
    split = pixels.reshape(*pixels.shape[:3], groups, -1)
    return np.moveaxis(split, 3, 0).reshape(groups, len(positions), -1)


def dense_rows(values: Floats, positions: Positions, inputs: int) -> Floats:
    """Return (1, positions, inputs) of the values, which a dense layer reads ``inputs`` at a time."""
    return values.reshape(1, -1, inputs)[:, positions]
