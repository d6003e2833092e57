"""The loop as a row of stages: source, gate, inference, tracker, sinks.

A capture thread reads; the loop's thread runs the network; each sink has a thread of its own (``edge.sinks.queued``).
From a live source the newest frame wins: a frame not yet taken is replaced by the next, and the one that is taken is
preprocessed in the loop's thread, as late as can be. From a file or folder every frame is processed, in order, and
preprocessed in the capture thread, while its pixels are still in that core's cache: on two cores a 720p clip with
a MobileNetV2 of 224 x 224 took 3.7 ms a frame that way and 4.2 ms the other, of which the model needs 3.4.

    loop = Loop(open_source("0"), session)
    loop.run([open_sink("terminal", "stdout", source)])

``loop.stats.snapshot()`` says at any time, in any thread, how it goes.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple, Protocol

from edge.errors import BrokenOutput, InputError
from edge.frames import Frame
from edge.handover import Handover
from edge.imaging import Image, Prepared
from edge.results import Result
from edge.signature import Signature, describe
from edge.sinks.base import Sink
from edge.sinks.event import Event
from edge.sinks.queued import Queued
from edge.sources.base import Source
from edge.stats import Stats, StatsSnapshot

AHEAD = 4
"""Decoded frames that may wait when none may be lost: enough to even out a slow one, 11 MB at 720p."""

LEAVE_SECONDS = 2.0
"""How long to wait for a capture thread that is inside a read; it holds nothing that outlives the process."""


class Network(Protocol):
    """What the loop asks of a network; ``edge.session.Session`` is one.

    Attributes:
        signature: what the network takes and gives.
        preprocess: turns a picture, (height, width, 3) uint8 BGR, into the network's input; None when it takes none.
    """

    @property
    def signature(self) -> Signature: ...

    @property
    def preprocess(self) -> Callable[[Image], Prepared] | None: ...

    def infer(self, prepared: Prepared) -> Result:
        """Run the network and decode its outputs. Raises BrokenOutput when the outputs are no numbers."""
        ...


class Gate(Protocol):
    """Decides which frames are worth the network's time, such as those with motion in them."""

    def __call__(self, frame: Frame) -> bool:
        """Return False to skip ``frame``. It is called once for each frame, in order, always in the same thread."""
        ...


class Tracker(Protocol):
    """Follows objects from one frame to the next."""

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with identities, or with objects added or removed."""
        ...


class _Looked(NamedTuple):
    """A frame that went through the gate. prepared: the network's input; None when the gate said no."""

    frame: Frame
    prepared: Prepared | None


class Loop:
    """One run of a network over a source. ``stop`` may be called from any thread or a signal handler.

    Attributes:
        stats: the counters, which may be read in any thread while the loop runs.
    """

    def __init__(
        self,
        source: Source,
        network: Network,
        gate: Gate | None = None,
        track: Tracker | None = None,
        max_frames: int | None = None,
    ) -> None:
        """Put the stages together.

        Args:
            source: where frames come from; the loop closes it when it ends.
            network: what runs on them; it stays the caller's to close.
            gate: decides which frames are skipped; None skips none.
            track: follows objects from frame to frame; None does not.
            max_frames: after how many results the loop ends; None has no limit.

        Raises:
            InputError: the network does not take one image.
        """
        self.stats = Stats()
        self._source, self._network, self._preprocess = source, network, _image_input(network)
        self._gate, self._track, self._max_frames = gate, track, max_frames
        live = source.live
        self._frames: Handover[Frame | _Looked] = Handover(1 if live else AHEAD, lossless=not live)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the run after the frame in hand; sinks then complete what they write."""
        self._stopped.set()
        self._source.close()

    def run(self, sinks: Sequence[Sink] = ()) -> StatsSnapshot:
        """Process frames until the source ends, ``max_frames`` are done, or ``stop``. Closes the sinks; runs once.

        Raises what the source, the network or a sink raises (see Sink), after all sinks have been closed.
        """
        capture = threading.Thread(target=self._capture, name="capture", daemon=True)
        with ExitStack() as closing:
            queued = [closing.enter_context(self._queued(sink)) for sink in sinks]
            closing.callback(self._leave, capture)
            capture.start()
            self._consume(queued)
        return self.stats.snapshot()

    def _queued(self, sink: Sink) -> Queued:
        return Queued(sink, self._source.live, self.stats, self._stopped)

    def _capture(self) -> None:
        try:
            for frame in self._source:
                if not self._frames.put(frame if self._source.live else self._ahead(frame)):
                    break
        except BaseException as error:  # raised again in the loop's thread
            self._frames.finish(error)
        else:
            self._frames.finish()

    def _look(self, frame: Frame) -> _Looked:
        """Ask the gate, and prepare the frame when it is let through."""
        if self._gate is not None and not self._gate(frame):
            return _Looked(frame, None)
        return _Looked(frame, self._preprocess(frame.bgr))

    def _ahead(self, frame: Frame) -> _Looked:
        """Do the same in the capture thread, into memory of its own: the next frame is prepared before this one ran."""
        looked = self._look(frame)
        if looked.prepared is None:
            return looked
        return _Looked(frame, looked.prepared._replace(tensor=looked.prepared.tensor.copy()))

    def _consume(self, sinks: Sequence[Queued]) -> None:
        if self._max_frames == 0:
            return
        for item in self._frames:
            if self._stopped.is_set():
                return
            frame, prepared = item if isinstance(item, _Looked) else self._look(item)
            if prepared is None:
                self.stats.skip(frame)
                continue
            event = Event(frame, self._process(frame, prepared))
            for sink in sinks:
                sink.emit(event)
            if self.stats.frames == self._max_frames:
                return

    def _process(self, frame: Frame, prepared: Prepared) -> Result:
        start = time.perf_counter()
        try:
            result = self._network.infer(prepared)
        except BrokenOutput as error:  # a covered lens may be enough; the next frame may be well again
            result = Result(self._network.signature.task.name, fault=str(error))
        infer_ms = (time.perf_counter() - start) * 1e3
        if self._track is not None and not result.fault:
            result = self._track(frame, result)
        age_ms = max(0.0, (time.time_ns() - frame.captured_ns) / 1e6)  # the clock may be set back
        dropped, skipped = self.stats.count(frame, age_ms, infer_ms, bool(result.fault))
        return replace(
            result,
            frame=frame.index,
            source=frame.source,
            captured_ns=frame.captured_ns,
            age_clock=frame.age_clock,
            age_ms=age_ms,
            dropped=dropped,
            skipped=skipped,
            infer_ms=infer_ms,
        )

    def _leave(self, capture: threading.Thread) -> None:
        self._source.close()
        self._frames.close()
        capture.join(LEAVE_SECONDS)


def _image_input(network: Network) -> Callable[[Image], Prepared]:
    """Return what prepares the network's one image. Raises InputError when it takes anything else."""
    if network.preprocess is not None:
        return network.preprocess
    inputs = network.signature.inputs
    which = "is no image" if len(inputs) == 1 else "are not one image"
    raise InputError(
        f"a loop gives a network one image, and {describe(inputs)} {which}: run it with edge.load or edge-bench"
    )
