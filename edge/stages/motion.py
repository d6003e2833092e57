"""``MotionGate`` lets the network rest while nothing moves.

Each frame is compared with a running average of the frames before, on a small grey picture. A change of the light
in the whole frame is divided out, and what stays changed becomes part of the average, so that nothing fires forever.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.frames import Frame
from edge.stages.base import Region
from edge.stages.clock import LONGEST_GAP, Clock, Elapsed, capture_time
from edge.stages.regions import region_around

Floats = NDArray[np.float32]

WIDTH = 160
"""The width of the small picture in pixels. It is not larger than the frame."""

ADAPTION = 5.0
"""The time in seconds in which 63 % of a change become part of the background."""

NOISE = 5.0
"""The threshold in standard deviations of the sensor's noise. One of 14,400 cells exceeds it once in 100 frames."""

MOST_NOISE = 3.0
"""The largest factor by which noise raises the threshold."""

NEW_SCENE = 0.5
"""The share of changed cells from which on the camera shows another scene, which becomes the background at once."""

DARK = 8.0
"""Grey levels that are added before brightnesses are divided, so that black cells do not decide."""


@dataclass(frozen=True)
class MotionOptions:
    """When something counts as motion.

    Attributes:
        threshold: the least change of a cell, in grey levels from 0 to 255.
        min_area: the least area of a change, as a fraction of the frame.
        max_pause: the time in seconds after which a frame is passed even if nothing moves, at most 120.
        hold: the time in seconds for which frames are passed after the last motion.
        crop: whether the network gets the region around the motion, and the whole frame every ``max_pause`` seconds.
    """

    threshold: float = 12.0
    min_area: float = 0.002
    max_pause: float = 10.0
    hold: float = 1.0
    crop: bool = False

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if not 0 < self.threshold <= 255:
            raise InputError(f"threshold of motion must be above 0 and at most 255 grey levels, got {self.threshold}")
        if not 0 < self.min_area < 1:
            raise InputError(f"min_area of motion must be a fraction of the frame from 0 to 1, got {self.min_area}")
        if not 0 < self.max_pause <= LONGEST_GAP:
            raise InputError(
                f"max_pause of motion must be above 0 and at most {LONGEST_GAP:g} seconds, got {self.max_pause}"
            )
        if not 0 <= self.hold < math.inf:
            raise InputError(f"hold of motion must be 0 or more seconds, got {self.hold}")


class MotionGate:
    """The gate of one source."""

    def __init__(
        self,
        options: MotionOptions | None = None,
        network: tuple[int, int] = (224, 224),
        clock: Clock = capture_time,
    ) -> None:
        """Start without a background. The first frame is passed.

        Args:
            options: when something counts as motion.
            network: width and height of the network's input, for regions.
            clock: the time of frames.
        """
        self._options, self._network = options or MotionOptions(), network
        self._elapsed = Elapsed(clock)
        self._background: Floats | None = None
        self._size = (0, 0)
        self._moved = self._passed = self._whole = -math.inf  # when something moved, and a frame was passed
        self._region: Region | None = None

    def __call__(self, frame: Frame) -> bool | Region:
        """Return whether something moves in the frame, or with ``crop`` where."""
        seconds = self._elapsed(frame)
        now, options = self._elapsed.now, self._options
        moved = self._motion(frame, seconds)
        if moved:
            self._moved = now
            self._region = region_around(moved, frame.size, self._network)
        if now - self._moved > options.hold and now - self._passed < options.max_pause:
            return False
        self._passed = now
        still = now - self._moved > options.hold
        if still or not options.crop or self._region is None or now - self._whole >= options.max_pause:
            self._whole = now
            return True
        return self._region

    def _motion(self, frame: Frame, seconds: float) -> list[Region]:
        """Return the changed parts of the frame, x0, y0, x1, y1 in its pixels, and adapt the background."""
        small = small_grey(frame)
        if self._background is None or self._size != frame.size:
            self._background, self._size = small, frame.size
            return [(0, 0, *frame.size)]
        changed = self._changed(small)
        share = cv2.countNonZero(changed) / changed.size
        if share > NEW_SCENE:
            self._background = small
            return [(0, 0, *frame.size)]
        cv2.accumulateWeighted(small, self._background, 1 - math.exp(-seconds / ADAPTION))
        return self._parts(changed) if share >= self._options.min_area else []

    def _changed(self, small: Floats) -> NDArray[np.uint8]:
        """Return (rows, columns) uint8, not zero for cells that differ from the background in the present light."""
        assert self._background is not None
        some, some_before = small[::4, ::4], self._background[::4, ::4]
        light = float(np.median((some + DARK) / (some_before + DARK)))
        noise = 1.4826 * float(np.median(np.abs(some - light * some_before)))  # of a normal distribution
        least = self._options.threshold
        threshold = min(max(least, NOISE * noise), MOST_NOISE * least)
        expected = np.minimum((self._background + DARK) * light - DARK, 255)
        return np.asarray(cv2.absdiff(small, expected) > threshold, np.uint8)

    def _parts(self, changed: NDArray[np.uint8]) -> list[Region]:
        """Return the boxes of connected changed cells that are large enough together, in pixels of the frame."""
        joined = cv2.dilate(changed, np.ones((3, 3), np.uint8))
        count, _, rows, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        least = self._options.min_area * changed.size
        found = []
        for x, y, width, height, _ in rows[1:count].tolist():
            if cv2.countNonZero(changed[y : y + height, x : x + width]) >= least:
                found.append(self._in_frame(x, y, x + width, y + height, changed.shape))
        return found

    def _in_frame(self, x0: int, y0: int, x1: int, y1: int, cells: tuple[int, ...]) -> Region:
        across, down = self._size[0] / cells[1], self._size[1] / cells[0]
        return int(x0 * across), int(y0 * down), math.ceil(x1 * across), math.ceil(y1 * down)


def small_grey(frame: Frame) -> Floats:
    """Return a small blurred grey picture (rows, columns) float32, from 0 to 255, with at most WIDTH columns.

    It is made of the luma plane of YUV frames, without a conversion of the frame. Every n-th pixel is taken and four
    of these are averaged; to average all pixels of a 720p frame would take ten times as long.
    """
    width, height = frame.size
    step = max(1, width // (2 * WIDTH))
    columns = min(WIDTH, width)
    rows = max(1, round(height * columns / width))
    picked = cv2.resize(frame.pixels[:height], (width // step, max(1, height // step)), interpolation=cv2.INTER_NEAREST)
    if frame.format == "BGR":
        picked = cv2.cvtColor(picked, cv2.COLOR_BGR2GRAY)
    elif frame.format == "YUYV":
        picked = np.ascontiguousarray(picked[..., 0])
    small = cv2.resize(picked, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(small, (3, 3)), np.float32)
