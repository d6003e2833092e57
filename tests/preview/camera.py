"""A small loop in front of the preview: drawn pictures with results, to which the settings are applied."""

import contextlib
import itertools
import threading
import time
from dataclasses import replace

import cv2
import numpy as np

from edge.control import Control
from edge.frames import Frame
from edge.places import Line
from edge.results import Place, Prediction, Result
from edge.signature import Input, Output, Signature, TaskSpec
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.preview import Preview
from edge.stats import Stats
from tests.loops import ListSource
from tests.preview.cells import cells

LABELS = ("Platelets", "RBC", "WBC")
SIGNATURE = Signature(
    (Input("image", "tensor", (1, 3)),), (Output("boxes", "boxes", (1, 4)),), TaskSpec("detect", "ssd")
)


def drawn(scores=(0.9, 0.6, 0.3)):
    """Return a function that finds the same objects in each picture, one of each label."""

    def find(picture):
        boxes = [(40.0 + 90 * i, 40.0, 110.0 + 90 * i, 130.0) for i in range(len(scores))]
        found = zip(LABELS, scores, boxes, strict=True)
        return Result("detect", tuple(Prediction(label, s, i, box) for i, (label, s, box) in enumerate(found)))

    return find


class Camera(contextlib.ExitStack):
    """Runs the loop in a thread, for each of its sources in turn, until it is closed.

    Attributes:
        sink: the preview.
        lines: what it reported.
        counts: whether results have the lines and zones of the settings, as after the stage that counts.
        control: the settings.
    """

    def __init__(
        self,
        target="127.0.0.1:0",
        find=None,
        sources=("cells",),
        rate=20.0,
        pictures=None,
        control=None,
        counts=False,
        tracked=True,
        clock="arrival",
        **options,
    ):
        super().__init__()
        self.lines, self.find, self.rate = [], find or drawn(), rate
        self.counts, self._clock = counts, clock
        self.control, self.stats = control or Control(), Stats()
        self.sources = [ListSource([], live=True) for _ in sources]
        for source, name in zip(self.sources, sources, strict=True):
            source.name = name
        self.context = Context(self.sources, self.stats, self.control, SIGNATURE, LABELS, "ssdlite", "litert", tracked)
        self._options, self._target = options, target
        self._pictures = pictures or [cells(seed=3 + i) for i in range(len(sources))]
        self.paused, self._stop = threading.Event(), threading.Event()

    def __enter__(self):
        from edge.preview.options import PreviewOptions

        self.sink = self.enter_context(
            Preview(self._target, self.context, PreviewOptions(**self._options), self.lines.append)
        )
        self._thread = threading.Thread(target=self._run, name="loop of the test")
        self._thread.start()
        self.callback(self._end)
        return self

    @property
    def port(self):
        return int(self.sink.url.rsplit(":", 1)[1].strip("/"))

    def _end(self):
        self._stop.set()
        self._thread.join(10)

    def _run(self):
        for index in itertools.count():
            if self._stop.wait(1 / self.rate):
                return
            if self.paused.is_set():
                continue
            for source, pictures in zip(self.sources, self._pictures, strict=True):
                self.sink.emit(self.event(next(pictures), index, source.name))

    def event(self, picture, index, source):
        """Return the event of one picture, as the loop makes it."""
        start, captured = time.perf_counter(), time.time_ns()
        frame = Frame(picture, "BGR", index, captured, self._clock, source)
        result, settings = self.find(picture), self.control.settings
        kept = [
            one
            for one in result.predictions
            if one.score >= (settings.score_threshold or 0)
            and (settings.labels is None or one.label in settings.labels)
        ]
        infer_ms = (time.perf_counter() - start) * 1e3
        age_ms = (time.time_ns() - captured) / 1e6
        self.stats.count_result(frame, age_ms, infer_ms)
        places = tuple(_counted(shape, frame, kept) for shape in settings.of(source) if self.counts)
        result = replace(
            result, predictions=tuple(kept), places=places, frame=index, source=source, captured_ns=captured,
            age_ms=age_ms, infer_ms=infer_ms, age_clock=self._clock,
        )  # fmt: skip
        return Event(frame, result)


def _counted(shape, frame, kept):
    """Return a line, or a zone with the number of objects that stand in it now, and as if 140 had left it before."""
    points = tuple((x * frame.size[0], y * frame.size[1]) for x, y in shape.points)
    if isinstance(shape, Line):
        return Place(shape.name, "line", points)
    feet = [((one.box[0] + one.box[2]) / 2, one.box[3]) for one in kept]
    border = np.array(points, np.float32)
    inside = sum(cv2.pointPolygonTest(border, foot, False) >= 0 for foot in feet)
    return Place(shape.name, "zone", points, {"now": inside, "entered": 140 + inside, "left": 140})
