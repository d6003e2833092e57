"""The source ``synthetic`` draws moving scenes at a fixed rate, as a camera would deliver them, with its faults."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from edge.errors import InputError
from edge.frames import Frame
from edge.scenes import moving
from edge.sources.base import Source
from edge.sources.geometry import parse
from edge.sources.options import DEFAULT as NO_OPTIONS
from edge.sources.options import SourceOptions

DEFAULT = (640, 480, 30.0)
"""Default width and height in pixels, and frames per second."""

_FAULTS = "faults="


def open_synthetic(text: str, options: SourceOptions = NO_OPTIONS) -> Source:
    """Return a synthetic source.

    Args:
        text: ``WxH@FPS``, ``WxH``, ``@FPS`` or nothing; what is left out is taken from the options, then from DEFAULT.
            ``?faults=`` and a script of ``edge.sources.faulty`` may follow.
        options: what is asked of it.

    Raises:
        InputError: ``text`` has another form, or the source does not have one of the options.
    """
    options.refuse_all_but("a synthetic source", "size", "rate")
    geometry, asked, query = text.partition("?")
    width, height, fps = parse(geometry, (*(options.size or DEFAULT[:2]), options.rate or DEFAULT[2]))
    if not asked:
        return Synthetic((width, height), fps)
    if not query.startswith(_FAULTS):
        raise InputError(f"a synthetic source must look like synthetic:640x480@30?faults=stall:5@10, got ?{query}")
    return _faulty((width, height), fps, query.removeprefix(_FAULTS), options.name)


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


def _faulty(size: tuple[int, int], rate: float, script: str, name: str) -> Source:
    """Return a source of drawn frames that is supervised like a camera, and fails as a script says."""
    from edge.sources import faulty
    from edge.sources.supervised import SupervisedSource

    class Faulty(SupervisedSource):
        """The frames carry the time of the camera's clock, with its jumps."""

        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                yield replace(frame, captured_ns=frame.captured_ns + camera.jump_ns)

    camera = faulty.FaultyCamera(size, rate, faulty.parse(script))
    return Faulty(name or f"synthetic:{size[0]}x{size[1]}@{rate:g}?{_FAULTS}{script}", camera.open)
