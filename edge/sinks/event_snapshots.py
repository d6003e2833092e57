"""The sink ``snapshots`` writes an annotated picture when an event begins."""

import json
from dataclasses import dataclass
from typing import Any

from edge.errors import InputError
from edge.files import replaced
from edge.sinks.acting import TriggerOptions, Watch, as_json
from edge.sinks.base import OnError, Sink
from edge.sinks.context import Context
from edge.sinks.event import Event
from edge.sinks.event_folder import EventFolder
from edge.sinks.pictures import QUALITY, jpeg


@dataclass(frozen=True)
class SnapshotsOptions(TriggerOptions):
    """Which pictures are written.

    Attributes:
        json: whether the event's JSON object is written beside the picture, with the suffix ``.json``.
        max_total_mb: the most MiB that the files of events take in the folder; the oldest are deleted.
        quality: the quality of the JPEG, from 1 to 100.
    """

    json: bool = False
    max_total_mb: float = 512.0
    quality: int = QUALITY

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        super().__post_init__()
        if not 1 <= self.quality <= 100:
            raise InputError(f"quality must be from 1 to 100, got {self.quality}")


class EventSnapshots(Sink):
    """Writes a JPEG into a folder for each event. ``EventFolder`` names it.

    With a live source a full disk is reported and counted, and pictures are written again when there is room. With a
    file it ends the run, as in ``record``.
    """

    name = "snapshots"
    lossless = True
    on_error: OnError
    Options = SnapshotsOptions

    def __init__(self, target: str, context: Context, options: SnapshotsOptions = SnapshotsOptions()) -> None:
        """Make the folder. Raises FileError when it cannot be written."""
        self.on_error = "retry" if context.live else "fatal"
        self._folder, self._options = EventFolder(target, options.max_total_mb), options
        self._watch = Watch(context, options)
        self._seen: Event | None = None
        self._due: tuple[str, dict[str, Any]] | None = None

    def emit(self, event: Event) -> None:
        """See Sink. After an error the same event comes again, and its picture is tried again."""
        if event is not self._seen:
            source, _, activity = self._watch(event)
            self._seen = event
            self._due = (source, as_json(event, activity)) if activity.phase == "begin" else None
        if self._due is not None:
            self._write(event, *self._due)
            self._due = None

    def _write(self, event: Event, source: str, content: dict[str, Any]) -> None:
        path = self._folder.file(event.result.captured_ns, source, content["trigger"], ".jpg")
        with replaced(path) as temporary:
            temporary.write_bytes(jpeg(event.picture, self._options.quality))
        if self._options.json:
            with replaced(path.with_suffix(".json")) as temporary:
                temporary.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")

    def close(self) -> None:
        """See Sink. Every picture is complete when ``emit`` returns."""
