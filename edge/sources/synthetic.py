"""The source ``synthetic`` draws moving scenes at a fixed rate, as a camera would deliver them."""

import threading
import time
from collections.abc import Iterator

from edge.frames import Frame
from edge.scenes import moving
from edge.sources.base import Source
from edge.sources.geometry import parse

DEFAULT = (640, 480, 30.0)
"""Default width and height in pixels, and frames per second."""


def open_synthetic(text: str) -> Source:
    """Return a synthetic source.

    Args:
        text: ``WxH@FPS``, ``WxH``, ``@FPS`` or nothing; what is left out is taken from DEFAULT.

    Raises:
        InputError: ``text`` has another form.
    """
    width, height, fps = parse(text, DEFAULT)
    return Synthetic((width, height), fps)


class Synthetic(Source):
    """A live source: frames are due every 1 / rate seconds from the start, also when the caller is late."""

    live = True
    fps = None

    def __init__(self, size: tuple[int, int], rate: float, frames: int | None = None, seed: int = 0) -> None:
        """Store the parameters.

        Args:
            size: width and height in pixels.
            rate: frames per second.
            frames: the number of frames. None means without end.
            seed: the seed of the drawn scenes.
        """
        self.name = f"synthetic:{size[0]}x{size[1]}@{rate:g}"
        self._size, self._rate, self._frames, self._seed = size, rate, frames, seed
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames. The same seed gives the same pictures."""
        start = time.monotonic()
        for index, scene in enumerate(moving(self._size, self._rate, self._seed)):
            due = start + index / self._rate
            if index == self._frames or self._closed.wait(max(0.0, due - time.monotonic())):
                return
            yield Frame(scene.image, "BGR", index, time.time_ns(), "arrival", self.name)

    def close(self) -> None:
        """End the iteration. See ``Source``."""
        self._closed.set()
