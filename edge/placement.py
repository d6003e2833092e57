"""``Placement`` states where a frame lies in a network's input, and maps boxes, points and masks back to the frame.

Coordinates are continuous: a picture of width w spans 0 to w, and the centre of its first pixel is 0.5. OpenCV's resize
uses the same coordinates, so that a point maps by a scale and an offset, without a shift of half a pixel.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError

Floats = NDArray[np.float32]
TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Placement:
    """How a frame was put into an input: rotated clockwise, then ``input = rotated * scale + offset`` on each axis.

    Attributes:
        frame: width and height of the frame, in pixels.
        input: width and height of the input, in pixels.
        scale: input pixels per pixel of the rotated frame, in x and y.
        offset: the left and top edge of the rotated frame in the input, in pixels. They are negative after a crop.
        rotation: the clockwise rotation of the frame: 0, 90, 180 or 270 degrees.
    """

    frame: tuple[int, int]
    input: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)
    rotation: int = 0

    def __post_init__(self) -> None:
        if self.rotation not in TURNS:
            raise InputError(f"rotation must be one of {TURNS} degrees, got {self.rotation}")

    @property
    def turned(self) -> tuple[int, int]:
        """The width and height of the frame after its rotation."""
        width, height = self.frame
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def within(self, origin: tuple[int, int], whole: tuple[int, int]) -> "Placement":
        """Return the placement of a whole frame, of which only a region was put into the input.

        Args:
            origin: x and y of the region's upper left corner in the whole frame, in pixels. Its size is ``frame``.
            whole: width and height of the whole frame, in pixels.
        """
        (x, y), (width, height) = origin, self.frame
        right, below = whole[0] - width - x, whole[1] - height - y
        shift = {0: (x, y), 90: (below, x), 180: (right, below), 270: (y, right)}[self.rotation]
        moved = [offset - by * scale for offset, by, scale in zip(self.offset, shift, self.scale, strict=True)]
        return replace(self, frame=whole, offset=(moved[0], moved[1]))

    def to_input(self, points: Any) -> Floats:
        """Map points (..., 2) with x, y from the frame to the input, both in pixels."""
        x, y = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        width, height = self.frame
        turned = {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[self.rotation]
        placed = [value * scale + offset for value, scale, offset in zip(turned, self.scale, self.offset, strict=True)]
        return np.stack(placed, axis=-1).astype(np.float32)

    def to_frame(self, points: Any) -> Floats:
        """Map points (..., 2) with x, y from the input to the frame, both in pixels: the inverse of ``to_input``."""
        values = np.moveaxis(np.asarray(points, np.float64), -1, 0)
        x, y = ((v - offset) / scale for v, scale, offset in zip(values, self.scale, self.offset, strict=True))
        width, height = self.frame
        back = {0: (x, y), 90: (y, height - x), 180: (width - x, height - y), 270: (width - y, x)}[self.rotation]
        return np.stack(back, axis=-1).astype(np.float32)

    def boxes_to_frame(self, boxes: Any, clip: bool = True) -> Floats:
        """Map boxes (n, 4) with x0, y0, x1, y1 from the input to the frame, both in pixels.

        Args:
            boxes: float, x0 <= x1 and y0 <= y1.
            clip: whether boxes are clipped to the frame.
        """
        rows = np.asarray(boxes, np.float32).reshape(-1, 2, 2)
        ends = self.to_frame(rows)
        out = np.concatenate([ends.min(axis=1), ends.max(axis=1)], axis=1)
        if clip:
            out = np.clip(out, 0.0, np.tile(np.asarray(self.frame, np.float32), 2))
        return out.astype(np.float32)

    def mask_to_frame(self, mask: Any, interpolation: int = cv2.INTER_NEAREST, fill: int = 0) -> NDArray[Any]:
        """Map a mask over the whole input to the pixels of the frame.

        Args:
            mask: (rows, columns) or (rows, columns, channels). It may be coarser than the input.
            interpolation: the interpolation of OpenCV, nearest neighbour by default.
            fill: the value for parts of the frame that are not in the input, such as those outside a centre crop.

        Returns:
            (height, width[, channels]) in the dtype of ``mask``.
        """
        mask = np.asarray(mask)
        out = self._nearest(mask) if interpolation == cv2.INTER_NEAREST else self._warped(mask, interpolation)
        outside = self._outside()
        if outside is not None:
            out[outside] = fill
        return out

    def _cells(self, mask: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return the centres of the rotated frame's columns and rows in the mask, in cells of the mask."""
        sides = zip(self.turned, self.scale, self.offset, self.input, (mask.shape[1], mask.shape[0]), strict=True)
        x, y = (((np.arange(n) + 0.5) * scale + offset) * cells / side for n, scale, offset, side, cells in sides)
        return x, y

    def _nearest(self, mask: NDArray[Any]) -> NDArray[Any]:
        x, y = self._cells(mask)
        columns = np.clip(np.floor(x).astype(np.intp), 0, mask.shape[1] - 1)
        rows = np.clip(np.floor(y).astype(np.intp), 0, mask.shape[0] - 1)
        return np.ascontiguousarray(np.rot90(mask[rows[:, None], columns], self.rotation // 90))

    def _warped(self, mask: NDArray[Any], interpolation: int) -> NDArray[Any]:
        x, y = self._cells(mask)
        step = [v[1] - v[0] if len(v) > 1 else 1.0 for v in (x, y)]
        matrix = np.asarray([[step[0], 0, x[0] - 0.5], [0, step[1], y[0] - 0.5]])
        flags = interpolation | cv2.WARP_INVERSE_MAP
        # The outer half of each border cell has no second neighbour, so the values of the border are repeated.
        warped = cv2.warpAffine(mask, matrix, self.turned, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(np.rot90(warped, self.rotation // 90))

    def _outside(self) -> NDArray[np.bool_] | None:
        """Return (height, width) bool, True for pixels outside the input. None when the whole frame is in the input."""
        width, height = self.frame
        corners = self.to_input([[0.0, 0.0], [width, height]])
        low, high = corners.min(axis=0), corners.max(axis=0)
        if (low >= -1e-3).all() and (high <= np.asarray(self.input) + 1e-3).all():
            return None
        ys, xs = np.mgrid[0:height, 0:width]
        centres = self.to_input(np.stack([xs, ys], axis=-1) + 0.5)
        inside = ((centres >= 0) & (centres <= np.asarray(self.input))).all(axis=-1)
        return np.asarray(~inside)
