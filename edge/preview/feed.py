"""``Feed`` turns the loop's events into parts for the viewers: once for all of them, and only while somebody watches.

The thread of the sink calls ``emit``, which stores the event. Everything else happens in the event loop's thread, and
encoding in one thread beside it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Literal

from edge.preview import pictures
from edge.preview.options import PreviewOptions
from edge.preview.parts import mjpeg_part, result_part, sse
from edge.preview.viewer import Viewer
from edge.reports import Report
from edge.sinks.event import Event
from edge.sources.base import Source

Kind = Literal["video", "results"]


class Feed:
    """The newest event of each source, and the viewers of it.

    Attributes:
        newest: the newest event of each source, by the source's name.
        seen: ``time.monotonic()`` of these events.
    """

    def __init__(self, sources: Sequence[Source], options: PreviewOptions, report: Report) -> None:
        """Make a channel for each source.

        Args:
            sources: the sources, of which a folder names its frames after its files.
            options: how pictures are made.
            report: takes one line for the first event that cannot be shown.
        """
        self.newest: dict[str, Event] = {}
        self.seen: dict[str, float] = {}
        self._encoder = ThreadPoolExecutor(1, "preview encoder")
        self._channels = {source.name: _Channel(self, source.name, options, report) for source in sources}
        self._others = next((source.name for source in sources if not source.live), sources[0].name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._limit = options.viewers

    def emit(self, event: Event) -> None:
        """Store an event, in any thread. It takes microseconds, with and without viewers."""
        name = event.frame.stream if event.frame.stream in self._channels else self._others
        self.newest[name], self.seen[name] = event, time.monotonic()
        channel, loop = self._channels[name], self._loop
        if channel.waits and loop is not None:
            channel.waits = False
            with suppress(RuntimeError):  # the event loop has just ended
                loop.call_soon_threadsafe(channel.wake)

    def count(self, kind: Kind) -> int:
        """Return the number of viewers of a kind."""
        return sum(len(channel.viewers[kind]) for channel in self._channels.values())

    @contextmanager
    def watching(self, kind: Kind, source: str) -> Iterator[Viewer]:
        """Add a viewer of a source for the time of the ``with`` statement. Raises TooMany when there are too many."""
        if self.count(kind) >= self._limit:
            raise TooMany(f"{self._limit} browsers watch already, which is the limit: close one of them\n")
        self._loop = asyncio.get_running_loop()
        viewer = Viewer()
        channel = self._channels[source]
        channel.join(kind, viewer)
        try:
            yield viewer
        finally:
            channel.viewers[kind].discard(viewer)

    def tell(self, kind: str, value: object) -> None:
        """Send a Server-Sent Event to everybody who watches results."""
        part = sse(kind, json.dumps(value))
        for channel in self._channels.values():
            for viewer in channel.viewers["results"]:
                viewer.put(kind, part)

    async def run_in_encoder(self, call: Callable[[Event], bytes], event: Event) -> bytes:
        """Run a function of an event in the encoder's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._encoder, call, event)

    def end(self) -> None:
        """End all viewers. To be called in the event loop's thread."""
        for channel in self._channels.values():
            channel.end()

    def close(self) -> None:
        """Release the encoder's thread, after the event loop has ended."""
        self._loop = None
        self._encoder.shutdown(wait=True, cancel_futures=True)
        self.newest.clear()


class TooMany(Exception):
    """There are as many viewers as may be."""


class _Channel:
    """The viewers of one source, and the task that makes their parts while there are any."""

    def __init__(self, feed: Feed, name: str, options: PreviewOptions, report: Report) -> None:
        self.viewers: dict[str, set[Viewer]] = {"video": set(), "results": set()}
        self.waits = False
        self._feed, self._name, self._options, self._report = feed, name, options, report
        self._failed = False
        self._woken = asyncio.Event()
        self._shown: Event | None = None
        self._task: asyncio.Task[None] | None = None

    def join(self, kind: Kind, viewer: Viewer) -> None:
        """Add a viewer, who gets the newest event even if it is not new to the others."""
        self.viewers[kind].add(viewer)
        self._shown = None
        self.wake()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._publish())

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        for viewers in self.viewers.values():
            for viewer in viewers:
                viewer.end()
        if self._task is not None:
            self._task.cancel()

    async def _publish(self) -> None:
        """Make parts of the newest event, at most ``rate`` times a second, until nobody watches."""
        pause = 1 / self._options.rate
        while self.viewers["video"] or self.viewers["results"]:
            event = await self._next()
            if event is None:
                continue
            began = time.monotonic()
            try:
                await self._show(event)
            except Exception as error:
                self._fail(error)
            await asyncio.sleep(max(0.0, began + pause - time.monotonic()))

    async def _next(self) -> Event | None:
        """Return an event that was not shown. None after a second without one, to look whether anybody watches."""
        self._woken.clear()
        self.waits = True  # before the look, so that an event that comes after it wakes
        event = self._feed.newest.get(self._name)
        if event is None or event is self._shown:
            try:
                await asyncio.wait_for(self._woken.wait(), 1.0)
            except asyncio.TimeoutError:
                return None
            event = self._feed.newest.get(self._name)
        self.waits = False
        return None if event is self._shown else event

    async def _show(self, event: Event) -> None:
        self._shown = event
        if self.viewers["video"]:
            jpeg = await self._feed.run_in_encoder(self._live, event)
            part = mjpeg_part(event, jpeg)
            for viewer in self.viewers["video"]:
                viewer.put("picture", part)
        if self.viewers["results"]:
            part = await self._feed.run_in_encoder(result_part, event)
            for viewer in self.viewers["results"]:
                viewer.put("result", part)

    def _fail(self, error: Exception) -> None:
        if not self._failed:
            line = " ".join(str(error).split())
            self._report(f"preview: a result of {self._name} cannot be shown: {type(error).__name__}: {line}")
        self._failed = True

    def _live(self, event: Event) -> bytes:
        return pictures.live(event, self._options.width, self._options.quality)
