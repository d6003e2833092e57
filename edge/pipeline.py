"""``Loop`` runs a network on the frames of sources. Its stages are gate, network, further stages and sinks.

Each source has a thread that reads its frames, the thread that calls ``run`` runs the network, and each sink has a
thread of its own (``edge.sinks.queued``). Frames of several sources are taken in turn.

The newest frame of a live source wins: it replaces a frame that the loop has not taken yet. A frame is preprocessed in
the loop's thread, after it was taken. The frames of a file or folder are all processed, in order. If it is the only
source, they are preprocessed in the capture thread, while the pixels are in the cache of its core. For a 720p clip and
a MobileNetV2 of 224 x 224, two cores took 3.7 ms per frame this way, and 4.2 ms with preprocessing in the loop's
thread; the network alone takes 3.4 ms.

    def show(event):
        print(event.result.predictions[0].caption)

    with edge.load("net.edge") as network:
        Loop(open_source("0"), network).run([show])

A sink of ``edge.sinks`` is opened with ``loop.context``: ``open_sink("jsonl", "results.jsonl", loop.context)``.
``loop.stats.snapshot()`` returns the counters at any time, in any thread, and ``loop.control`` changes settings.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NamedTuple

from edge.control import Control, Settings
from edge.errors import BrokenOutput, InputError
from edge.frames import Frame
from edge.handover import Handover
from edge.imaging import Prepared
from edge.inbox import Inbox
from edge.network import Network, image_input
from edge.reports import Report, to_stderr
from edge.results import Result
from edge.sinks.base import Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.queued import Queued
from edge.sources.base import Source
from edge.stages.base import Gate, Stage, in_frame
from edge.stats import Stats, StatsSnapshot

READ_AHEAD = 4
"""The most frames of a file or folder that wait for the network: enough to even out a slow frame, 11 MB at 720p."""

JOIN_SECONDS = 2.0
"""How long to wait for a capture thread that is blocked in a read. It holds nothing that outlives the process."""

HEARTBEAT_SECONDS = 1.0
"""How often the loop calls its heartbeat while no frame comes."""


class _GatedFrame(NamedTuple):
    """A frame after the gate, with the network's input, which is None when the gate skips the frame."""

    frame: Frame
    prepared: Prepared | None


class Loop:
    """Runs a network on all frames of its sources, once.

    Attributes:
        stats: the counters. Any thread may read them while the loop runs.
        control: the settings. Any thread may change them while the loop runs.
    """

    def __init__(
        self,
        sources: Source | Sequence[Source],
        network: Network,
        gate: Gate | None = None,
        stages: Sequence[Stage] = (),
        max_frames: int | None = None,
        heartbeat: Callable[[], None] | None = None,
        control: Control | None = None,
        report: Report = to_stderr,
        score_floor: float | None = None,
    ) -> None:
        """Connect the stages.

        Args:
            sources: the source of frames, or several with different names. The loop closes them at the end.
            network: the network. The caller closes it.
            gate: decides which frames are skipped, and which part of a frame the network gets. None skips no frame.
            stages: change each result, in this order.
            max_frames: the number of results after which the loop ends. None means no limit.
            heartbeat: is called in the loop's thread after every frame, and at least every second while none comes. It
                is not called while the network hangs, so that a watchdog can notice that.
            control: the settings. None starts with those that change nothing.
            report: takes one line when one of several sources ends with an error.
            score_floor: the score from which on the network reports objects to the stages, also when the settings
                state a higher one: a tracker goes on with lower scores than it begins with. None leaves the network's.

        Raises:
            InputError: the network does not take one image, there is no source, two sources have the same name, or a
                network over clips has several sources.
        """
        self.stats, self.control = Stats(), control or Control()
        self._sources = list(sources) if isinstance(sources, Sequence) else [sources]
        _check_names(self._sources)
        self._network, self._preprocess = network, image_input(network)
        if len(self._sources) > 1 and network.signature.over_clips:
            raise InputError("a network over clips needs one source: frames of several would make one clip together")
        # A network's own preprocessing may take a camera's YUV pixels without a conversion of the whole frame.
        self._preprocess_frame = getattr(self._preprocess, "of_frame", lambda frame: self._preprocess(frame.bgr))
        self._gate, self._stages, self._max_frames = gate, stages, max_frames
        self._heartbeat, self._report = heartbeat, report
        self._settings: Settings | None = None
        self._score_floor, self._threshold = score_floor, None if score_floor is None else -1.0
        # Frames of several sources are not prepared ahead, because they share the network's input buffer.
        self._ahead = len(self._sources) == 1 and not self._sources[0].live
        queues = [Handover[Frame | _GatedFrame](1 if s.live else READ_AHEAD, not s.live) for s in self._sources]
        self._queues = queues
        self._inbox = Inbox(queues, self._source_failed)
        self._stopped = threading.Event()

    @property
    def context(self) -> Context:
        """What sinks are opened with."""
        network = self._network
        return Context(
            self._sources,
            self.stats,
            self.control,
            network.signature,
            tuple(getattr(network, "labels", None) or ()),
            getattr(network, "name", ""),
            getattr(network, "backend", ""),
        )

    def stop(self) -> None:
        """End the run after the current frame. It may be called in any thread or signal handler."""
        self._stopped.set()
        for source in self._sources:
            source.close()

    def run(self, sinks: Sequence[Sink | Callable[[Event], object]] = ()) -> StatsSnapshot:
        """Process frames until the sources end, ``max_frames`` results are done, or ``stop`` is called.

        Exceptions of the network, of the only or last source, and of a sink whose errors are fatal, are raised after
        all sinks have been closed. When one of several sources fails, that is reported, and the loop goes on.

        Args:
            sinks: the sinks that get the results. The loop closes them. A function is called with each event, in a
                thread of its own (``edge.sinks.callback``).

        Returns:
            The counters at the end.
        """
        threads = [
            threading.Thread(target=self._capture, args=pair, name=f"capture {pair[0].name}", daemon=True)
            for pair in zip(self._sources, self._queues, strict=True)
        ]
        with ExitStack() as closing:
            queued = [closing.enter_context(self._queued(sink)) for sink in sinks]
            closing.callback(self._end_capture, threads)
            for thread in threads:
                thread.start()
            self._consume(queued)
        return self.stats.snapshot()

    def _queued(self, sink: Sink | Callable[[Event], object]) -> Queued:
        return Queued(_as_sink(sink), any(source.live for source in self._sources), self.stats, self._stopped)

    def _capture(self, source: Source, queue: "Handover[Frame | _GatedFrame]") -> None:
        try:
            for one in source:
                frame = one if one.stream == source.name else replace(one, stream=source.name)
                if not queue.put(self._prepare_ahead(frame) if self._ahead else frame):
                    break
        except BaseException as error:  # the loop's thread handles it
            queue.finish(error)
        else:
            queue.finish()

    def _source_failed(self, place: int, error: BaseException) -> None:
        """Report the error of a source while others run, else raise it."""
        others = (queue for at, queue in enumerate(self._queues) if at != place)
        if not isinstance(error, Exception) or not any(queue.running for queue in others):
            raise error
        self._report(f"{error}; the loop goes on without source {self._sources[place].name}")

    def _prepare(self, frame: Frame) -> _GatedFrame:
        """Call the gate, and preprocess the frame or a region of it unless it is skipped."""
        decision = True if self._gate is None else self._gate(frame)
        if isinstance(decision, Iterable):
            x0, y0, x1, y1 = in_frame(decision, frame.size)
            tensor, placement = self._preprocess(frame.bgr[y0:y1, x0:x1])
            return _GatedFrame(frame, Prepared(tensor, placement.within((x0, y0), frame.size)))
        return _GatedFrame(frame, self._preprocess_frame(frame) if decision else None)

    def _prepare_ahead(self, frame: Frame) -> _GatedFrame:
        """Prepare a frame with a copy of its input, because the next frame may be prepared before this one is run."""
        gated = self._prepare(frame)
        if gated.prepared is None:
            return gated
        return _GatedFrame(frame, gated.prepared._replace(tensor=gated.prepared.tensor.copy()))

    def _consume(self, sinks: Sequence[Queued]) -> None:
        if self._max_frames == 0:
            return
        for item in self._taken():
            if self._stopped.is_set():
                return
            self._apply_settings()
            frame, prepared = item if isinstance(item, _GatedFrame) else self._prepare(item)
            if prepared is None:
                self.stats.count_skipped(frame)
                continue
            event = Event(frame, self._process(frame, prepared))
            for sink in sinks:
                sink.emit(event)
            if self.stats.frames == self._max_frames:
                return

    def _taken(self) -> Iterator[Frame | _GatedFrame]:
        """Yield frames, and call the heartbeat after each one and while none comes."""
        beat = self._heartbeat
        while True:
            try:
                yield self._inbox.take(HEARTBEAT_SECONDS if beat else None)
            except TimeoutError:
                pass
            except EOFError:
                return
            if beat:
                beat()

    def _apply_settings(self) -> None:
        """Give the network a threshold that was changed since the last frame."""
        settings = self.control.settings
        if settings is self._settings:
            return
        self._settings, wanted = settings, settings.score_threshold
        if self._score_floor is not None:
            wanted = self._score_floor if wanted is None else min(wanted, self._score_floor)
        if wanted != self._threshold:
            self._threshold = wanted
            self._network.retune(wanted)

    def _process(self, frame: Frame, prepared: Prepared) -> Result:
        start = time.perf_counter()
        try:
            result = self._network.infer(prepared)
        except BrokenOutput as error:  # a covered lens may cause it; the next frame may be good
            result = Result(self._network.signature.task.name, fault=str(error))
        infer_ms = (time.perf_counter() - start) * 1e3
        for stage in self._stages:
            if result.fault:
                break
            result = stage(frame, result)
        age_ms = max(0.0, frame.age_ns() / 1e6)  # a sender's clock may be ahead
        dropped, skipped = self.stats.count_result(frame, age_ms, infer_ms, bool(result.fault))
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

    def _end_capture(self, threads: Sequence[threading.Thread]) -> None:
        for source in self._sources:
            source.close()
        for queue in self._queues:
            queue.close()
        deadline = time.monotonic() + JOIN_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _as_sink(sink: Any) -> Sink:
    """Return a sink, or the one that calls a function."""
    if not hasattr(sink, "emit"):
        from edge.sinks.callback import Callback  # most loops have none

        sink = Callback(sink)
    found: Sink = sink
    return found


def _check_names(sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]
    if not names:
        raise InputError("a loop needs at least one source")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"two sources are called {twice!r}: give each a name of its own")
