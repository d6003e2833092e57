"""``SourceOptions`` states how one source is opened and how its frames are turned and cut."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.errors import InputError, unknown_name

Region = tuple[float, float, float, float]
"""x0, y0, x1, y1 as fractions of the frame's width and height, from 0 to 1."""

MIN_SIDE, MAX_SIDE = 16, 8192


_REASONS = {
    "size": "only cameras and drawn frames are asked for a size, and a region cuts the frames of any source",
    "rate": "only cameras, snapshots, drawn frames and pictures in real time are asked for a rate",
    "format": "only V4L2 cameras are asked for MJPG or YUYV",
    "realtime": "only files are played in real time, because cameras and streams are live",
}


@dataclass(frozen=True)
class SourceOptions:
    """What a person asked of one source. None and the empty values leave it to the source.

    Attributes:
        name: the name in results and messages. Empty takes the source's own.
        size: the width and height in pixels that a camera is asked for.
        rate: the frames per second that a camera is asked for, or at which a snapshot address is asked.
        format: the pixel format that a V4L2 camera is asked for. Empty takes MJPG for more than 640 x 480 pixels.
        rotate: the clockwise rotation of each frame in degrees, before everything else sees it.
        flip: whether frames are mirrored: ``horizontal`` swaps left and right. It comes after the rotation.
        region: the part of the rotated frame that is used, as fractions.
        realtime: whether a file is played at its own rate, as a camera would deliver it.
        options: options of the source's own kind, such as ``transport = "udp"`` of RTSP.
    """

    name: str = ""
    size: tuple[int, int] | None = None
    rate: float | None = None
    format: Literal["", "MJPG", "YUYV"] = ""
    rotate: Literal[0, 90, 180, 270] = 0
    flip: Literal["", "horizontal", "vertical"] = ""
    region: Region | None = None
    realtime: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise InputError for a value that no source can have."""
        if self.size is not None and not all(MIN_SIDE <= side <= MAX_SIDE for side in self.size):
            raise InputError(f"a size must be {MIN_SIDE} to {MAX_SIDE} pixels a side, got {self.size}")
        if self.rate is not None and not (math.isfinite(self.rate) and 0 < self.rate <= 1000):
            raise InputError(f"a rate must be above 0 and at most 1000 frames per second, got {self.rate}")
        if self.region is not None:
            x0, y0, x1, y1 = self.region
            if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
                raise InputError(
                    f"a region must be x0, y0, x1, y1 as fractions of the frame with x0 < x1 and y0 < y1, "
                    f"got {self.region}"
                )

    def refuse_all_but(self, what: str, *able: str, known: Iterable[str] = ()) -> None:
        """Raise InputError for an option that a kind of source does not have.

        Name, rotation, flip and region are options of every source.

        Args:
            what: the kind of source in words, such as "a video file".
            able: those of ``size``, ``rate``, ``format`` and ``realtime`` that the kind has.
            known: the names in ``options`` that the kind has.
        """
        for name, reason in _REASONS.items():
            if getattr(self, name) and name not in able:
                raise InputError(f"{what} must have no option {name!r}: {reason}; leave it out")
        for name in self.options:
            if name not in known:
                raise (
                    unknown_name(f"option of {what}", name, known)
                    if known
                    else InputError(f"{what} must have no options of its own, got {name!r}; leave it out")
                )

    @property
    def transforms(self) -> bool:
        """Whether frames are changed after the source gave them."""
        return bool(self.rotate or self.flip or self.region)


DEFAULT = SourceOptions()
