"""A camera that needs no camera: moving scenes drawn here, at a steady rate."""

import threading
import time
from collections.abc import Iterator

from edge.frames import Frame
from edge.scenes import moving
from edge.sources.base import Source
from edge.sources.geometry import parse

DEFAULT = (640, 480, 30.0)


def open_synthetic(text: str) -> Source:
    """text: ``WxH@FPS``, ``WxH``, ``@FPS`` or nothing. Raises InputError otherwise."""
    width, height, fps = parse(text, DEFAULT)
    return Synthetic((width, height), fps)


class Synthetic(Source):
    """Live: a frame appears every 1 / fps seconds, whether or not anyone takes it."""

    live = True
    fps = None

    def __init__(self, size: tuple[int, int], rate: float, frames: int | None = None, seed: int = 0) -> None:
        """size: width, height. rate: frames per second. frames: None never ends."""
        self.name = f"synthetic:{size[0]}x{size[1]}@{rate:g}"
        self._size, self._rate, self._frames, self._seed = size, rate, frames, seed
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the same pictures for the same seed."""
        start = time.monotonic()
        for index, scene in enumerate(moving(self._size, self._rate, self._seed)):
            due = start + index / self._rate
            if index == self._frames or self._closed.wait(max(0.0, due - time.monotonic())):
                return
            yield Frame(scene.image, "BGR", index, time.time_ns(), "arrival", self.name)

    def close(self) -> None:
        """See Source."""
        self._closed.set()
