"""The sink ``clips`` records events, with some seconds before and after each."""

import math
from collections import deque
from dataclasses import dataclass, field

from edge.errors import FileError, InputError
from edge.frames import Frame
from edge.reports import to_stderr
from edge.sinks import clip_encoders
from edge.sinks.acting import TriggerOptions, Watch
from edge.sinks.base import OnError, Sink
from edge.sinks.clip_encoders import Form
from edge.sinks.clip_writer import ClipWriter, Shot
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.event_folder import EventFolder
from edge.sinks.pictures import QUALITY, jpeg
from edge.sinks.timeline import IMAGES_FPS
from edge.sinks.trigger import Activity

CLOSE_SECONDS = 12.0
"""The longest wait for all clips after the run has ended, before their encoders are killed."""

FILE_CLOSE_SECONDS = 60.0
"""The same when the source is a file, whose end nobody waits for at a terminal."""

MOST_ENDING = 4
"""The most clips that may still be completed when a new one begins."""


@dataclass(frozen=True)
class ClipsOptions(TriggerOptions):
    """What is recorded.

    Attributes:
        pre_roll: the seconds before an event that its clip begins with.
        post_roll: the seconds after an event. An event that begins in this time goes on in the same clip.
        max_length: the longest clip in seconds. A longer event goes on in a new clip.
        max_total_mb: the most MiB that the files of events take in the folder; the oldest are deleted.
        memory_mb: the most MiB of the frames of the pre-roll, for each source. They are kept as JPEGs.
        fps: frames per second for live sources. Frames that come sooner are left out.
        annotate: whether results are drawn into the frames.
        quality: the quality of the JPEGs, from 1 to 100.
        format: ``mp4`` is H.264 and needs the program ffmpeg, ``avi`` is Motion JPEG, ``auto`` takes what is there.
    """

    pre_roll: float = 5.0
    post_roll: float = 5.0
    max_length: float = 300.0
    max_total_mb: float = 2048.0
    memory_mb: float = 64.0
    fps: float = 15.0
    annotate: bool = True
    quality: int = QUALITY
    format: Form = "auto"

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        super().__post_init__()
        for name, least, most in (
            *(("pre_roll", 0, 600), ("post_roll", 0, 600), ("max_length", 1, 86400)),
            *(("memory_mb", 1, 1 << 20), ("fps", 0.1, 240), ("quality", 1, 100)),
        ):
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{name} must be from {least} to {most}, got {getattr(self, name)}")


@dataclass
class _Recorder:
    """The clip of one source. Times are seconds on the source's timeline.

    Attributes:
        fps: the rate of its clips.
        ring: the frames of the last seconds.
        ring_bytes: the size of these frames.
        next: the least time of the next frame that is kept.
        writer: the clip that is recorded; None when there is none.
        begun: when it began.
        end: when it ends; infinite as long as the event goes on.
        cause: the text of the condition that began the event; empty when none goes on.
    """

    fps: float
    ring: deque[Shot] = field(default_factory=deque)
    ring_bytes: int = 0
    next: float = -math.inf
    writer: ClipWriter | None = None
    begun: float = 0.0
    end: float = 0.0
    cause: str = ""


class EventClips(Sink):
    """Writes one video for each event into a folder. ``EventFolder`` names it.

    With a live source, a clip that cannot be written is reported and counted, and the event goes on in a new clip as
    soon as that can be written. With a file it ends the run, as in ``record``.
    """

    name = "clips"
    lossless = True
    close_seconds = 1.5 * CLOSE_SECONDS
    on_error: OnError
    Options = ClipsOptions

    def __init__(self, target: str, context: Context, options: ClipsOptions = ClipsOptions()) -> None:
        """Make the folder.

        Raises:
            FileError: it cannot be written.
            InputError: ffmpeg is wanted and not installed.
        """
        self.on_error = "retry" if context.live else "fatal"
        self._suffix = clip_encoders.suffix(options.format)
        if options.format == "auto" and self._suffix == ".avi":
            to_stderr("sink clips: it writes Motion JPEG in .avi, because ffmpeg with libx264 is not installed")
        self._folder = EventFolder(target, options.max_total_mb)
        self._context, self._options, self._watch = context, options, Watch(context, options)
        self._of: dict[str, _Recorder] = {}
        self._ending: list[ClipWriter] = []
        self._seen: Event | None = None
        self._now = ("", 0.0, Activity("off"))

    def emit(self, event: Event) -> None:
        """See Sink. After an error the same event comes again."""
        if event is not self._seen:
            self._seen, self._now = event, self._watch(event)
        source, seconds, activity = self._now
        recorder = self._of.get(source) or self._new(source, event.frame)
        self._collect()
        self._follow(recorder, seconds, activity)
        begins = bool(recorder.cause) and recorder.writer is None
        if seconds >= recorder.next or begins:
            recorder.next = max(recorder.next + 1 / recorder.fps, seconds + 0.5 / recorder.fps)
            if begins or recorder.writer is not None or self._options.pre_roll:
                self._keep(recorder, event, Shot(self._picture(event), seconds), source)

    def close(self) -> None:
        """Complete the clips. See Sink."""
        for recorder in self._of.values():
            self._end(recorder)
        seconds = CLOSE_SECONDS if self._context.live else FILE_CLOSE_SECONDS
        for writer in self._ending:
            writer.wait(seconds / len(self._ending))
        self._collect()

    def _new(self, source: str, frame: Frame) -> _Recorder:
        found = self._context.source_of(frame)
        recorder = self._of[source] = _Recorder(self._options.fps if found.live else found.fps or IMAGES_FPS)
        return recorder

    def _picture(self, event: Event) -> bytes:
        return jpeg(event.picture if self._options.annotate else event.frame.bgr, self._options.quality)

    def _follow(self, recorder: _Recorder, seconds: float, activity: Activity) -> None:
        """Begin or end the event of a source, and end a clip at its time."""
        if activity.phase in ("begin", "on"):
            recorder.cause, recorder.end = recorder.cause or str(activity.cause), math.inf
        elif recorder.end == math.inf:
            recorder.end = seconds + self._options.post_roll
        if seconds >= recorder.end:
            recorder.cause = ""
        full = recorder.writer is not None and seconds - recorder.begun >= self._options.max_length
        if full or not recorder.cause:
            self._end(recorder)

    def _keep(self, recorder: _Recorder, event: Event, shot: Shot, source: str) -> None:
        """Add a frame to the clip of its source, or to its ring."""
        self._trim(recorder, shot)
        if recorder.writer is None and recorder.cause:
            recorder.writer = self._begin(recorder, event, source)
            recorder.begun = shot.seconds
        if recorder.writer is not None:
            recorder.writer.add(shot)
            return
        recorder.ring.append(shot)
        recorder.ring_bytes += len(shot.picture)

    def _trim(self, recorder: _Recorder, shot: Shot) -> None:
        """Make room for a frame in the ring: by the time of the pre-roll and by its memory."""
        oldest = shot.seconds - self._options.pre_roll - 0.01 / recorder.fps
        most = self._options.memory_mb * (1 << 20) - len(shot.picture)
        while recorder.ring and (recorder.ring[0].seconds < oldest or recorder.ring_bytes > most):
            recorder.ring_bytes -= len(recorder.ring.popleft().picture)

    def _begin(self, recorder: _Recorder, event: Event, source: str) -> ClipWriter:
        if len(self._ending) >= MOST_ENDING:
            self._wait_for_one()
        path = self._folder.file(event.result.captured_ns, source, recorder.cause, self._suffix)
        width, height = event.frame.size
        first, recorder.ring, recorder.ring_bytes = recorder.ring, deque(), 0
        return ClipWriter(path, (width & ~1, height & ~1), recorder.fps, first, lossless=not self._context.live)

    def _wait_for_one(self) -> None:
        """Wait until a clip is complete. With a live source, raise FileError instead."""
        if self._context.live:
            raise FileError(f"{MOST_ENDING} clips are still being completed: the encoder or the disk is too slow")
        self._ending[0].wait(FILE_CLOSE_SECONDS)
        self._collect()

    def _end(self, recorder: _Recorder) -> None:
        if recorder.writer is not None:
            recorder.writer.finish()
            self._ending.append(recorder.writer)
            recorder.writer = None

    def _collect(self) -> None:
        """Raise the error of a clip that could not be written. Such a clip is forgotten."""
        for recorder in self._of.values():
            if recorder.writer is not None and recorder.writer.done:
                self._end(recorder)
        done = [writer for writer in self._ending if writer.done]
        self._ending = [writer for writer in self._ending if not writer.done]
        for writer in done:
            self._context.stats.count_lost(self.name, writer.lost)
        if done:
            self._folder.limit()
        for writer in done:
            self.working = writer.error is None
            if writer.error is not None:
                raise writer.error
