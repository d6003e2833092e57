"""What tests of the loop share: small sources, sinks and networks whose every step a test can decide."""

import json
import threading
from pathlib import Path

import numpy as np

from edge.frames import Frame
from edge.imaging import InputFormat, Preprocessor
from edge.results import Prediction, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.sinks.base import Sink
from edge.sinks.event import Event
from edge.sources.base import Source
from edge.tensors import TensorSpec

BANDS = ("top", "upper", "lower", "bottom")


def picture(band: int = 0, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """(height, width, 3) uint8: dark, but for one of four horizontal bands. size: width, height."""
    image = np.full((size[1], size[0], 3), 20, np.uint8)
    rows = size[1] // 4
    image[band * rows : (band + 1) * rows] = 230
    return image


def frame(index: int = 0, image=None, source="test", captured_ns: int = 1_000_000_000) -> Frame:
    return Frame(picture(index % 4) if image is None else image, "BGR", index, captured_ns, "arrival", source)


def event(index: int = 0, result: Result | None = None, **fields) -> Event:
    """fields: of ``frame``."""
    return Event(frame(index, **fields), Result(frame=index) if result is None else result)


class BandsNetwork:
    """Says which quarter of the picture is brightest, as a session does; ``on`` is called before each answer."""

    signature = Signature(
        (Input("image", "image", (1, 8, 8, 3), format=InputFormat(raw=True)),),
        (Output("bands", "scores", (1, 4)),),
        TaskSpec("classify"),
    )

    def __init__(self, on=lambda: None):
        self.preprocess = Preprocessor(TensorSpec("image", (1, 8, 8, 3), np.dtype("uint8")), InputFormat(raw=True))
        self.inferred, self.threshold, self._on = 0, None, on

    def retune(self, score_threshold):
        self.threshold = score_threshold

    def infer(self, prepared):
        self.inferred += 1
        self._on()
        bands = prepared.tensor.reshape(4, -1).mean(axis=1) / 255
        best = int(bands.argmax())
        return Result(predictions=(Prediction(BANDS[best], float(bands[best]), best),))


def fake_model(folder: Path, shape=(1, 8, 8, 3), dtype="uint8", outputs=None) -> Path:
    """Write a model whose strongest class is the brightest quarter of the picture."""
    rows = outputs or [{"name": "bands", "shape": [1, 4], "dtype": "float32"}]
    content = {"inputs": [{"name": "image", "shape": list(shape), "dtype": dtype}], "outputs": rows}
    path = folder / "bands.fake"
    path.write_text(json.dumps(content))
    return path


def labels_file(folder: Path, labels=BANDS) -> Path:
    path = folder / "labels.txt"
    path.write_text("".join(f"{label}\n" for label in labels))
    return path


class ListSource(Source):
    """Gives the frames it was made of; then ends, or raises ``error``."""

    fps = None

    def __init__(self, frames, live=False, error=None, before=None, name="list"):
        """before: called with each frame before it is given."""
        self.name, self.live = name, live
        self._frames, self._error, self._before = frames, error, before
        self.closed = threading.Event()

    def __iter__(self):
        for one in self._frames:
            if self._before:
                self._before(one)
            if self.closed.is_set():
                return
            yield one
        if self._error:
            raise self._error

    def close(self):
        self.closed.set()


class ListSink(Sink):
    """Keeps what it is given; calls ``on`` with each result first."""

    def __init__(self, on=lambda result: None, lossless=True, on_error="fatal", name="list"):
        self.results, self.closed, self._on = [], 0, on
        self.name, self.lossless, self.on_error = name, lossless, on_error

    def emit(self, event):
        self._on(event.result)
        self.results.append(event.result)

    def close(self):
        self.closed += 1
