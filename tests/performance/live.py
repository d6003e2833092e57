"""What the rows about live sources share: a camera that delivers at a rate, and a network that takes a known time."""

import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np

from edge.frames import Frame
from edge.imaging import InputFormat, Preprocessor
from edge.results import Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.sources.base import Source
from edge.tensors import TensorSpec

SIZE = (1280, 720)


def pictures(count: int = 8, size: tuple[int, int] = SIZE, seed: int = 0) -> list[np.ndarray]:
    """Return different smooth pictures, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (count, 9, 16, 3), dtype=np.uint8)
    return [cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in coarse]


class Camera(Source):
    """Delivers pictures at a rate, as a camera does: when nobody takes one in time, its number is missing."""

    live, fps = True, None

    def __init__(self, name: str, rate: float, seconds: float | None = None, images: list[np.ndarray] | None = None):
        """seconds: after which it ends; None is never."""
        self.name, self._rate = name, rate
        self._count = None if seconds is None else int(seconds * rate)
        self._images = images or pictures()
        self._closed = threading.Event()
        self.delivered = 0

    def __iter__(self) -> Iterator[Frame]:
        start, index = time.perf_counter(), 0
        while index != self._count:
            due = start + index / self._rate
            if self._closed.wait(max(0.0, due - time.perf_counter())):
                return
            self.delivered += 1
            yield Frame(self._images[index % len(self._images)], "BGR", index, time.time_ns(), "arrival", self.name)
            index += 1

    def close(self) -> None:
        self._closed.set()


class Network:
    """Waits for ``seconds``, as a network on an accelerator would, and has no result."""

    def __init__(self, seconds: float, side: int = 224):
        """side: of the input, in pixels."""
        shape, form = (1, side, side, 3), InputFormat(raw=True)
        entry = Input("image", "image", shape, "uint8", form)
        self.signature = Signature((entry,), (Output("scores", "scores", (1, 2)),), TaskSpec("classify"))
        self.preprocess = Preprocessor(TensorSpec("image", shape, np.dtype("uint8")), form)
        self._seconds, self.labels, self.name, self.backend = seconds, None, "network", "none"

    def retune(self, score_threshold: float | None) -> None:
        """Nothing depends on it."""

    def infer(self, prepared: object) -> Result:
        """Return an empty result after exactly the time: sleep, then spin for the last part."""
        end = time.perf_counter() + self._seconds
        time.sleep(max(0.0, self._seconds - 1e-3))
        while time.perf_counter() < end:
            pass
        return Result()
