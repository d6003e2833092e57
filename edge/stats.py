"""``Stats`` counts the frames and results of a loop, and keeps the ages of results and the times of the network.

A frame is *dropped* when a newer frame arrived before the loop took it. A frame is *skipped* when a gate decided so. A
result is *lost* for a sink that was too slow or failed. The three are counted separately.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.frames import Frame
from edge.rates import RecentCounts

KEPT_RESULTS = 10_000
"""Number of the latest results from which medians and percentiles are computed. A loop may run for months."""


class Rates(NamedTuple):
    """Events per second over the last ``edge.rates.WINDOW`` seconds.

    Attributes:
        frames: frames with a result.
        dropped: frames that were replaced by newer ones.
        skipped: frames that a gate skipped.
        lost: results that were lost for a sink.
    """

    frames: float = 0.0
    dropped: float = 0.0
    skipped: float = 0.0
    lost: float = 0.0


class SourceCounts(NamedTuple):
    """The counters of one source.

    Attributes:
        frames: frames with a result.
        dropped: frames that were replaced by newer ones, in the loop or inside the source.
        skipped: frames that a gate skipped.
    """

    frames: int = 0
    dropped: int = 0
    skipped: int = 0


class StatsSnapshot(NamedTuple):
    """The counters at one moment. They are consistent: ``frames + dropped + skipped`` is ``captured``.

    Attributes:
        frames: frames with a result.
        dropped: frames that were replaced by newer ones, in the loop or inside the source.
        skipped: frames that a gate skipped.
        lost: results that were lost for a sink, summed over all sinks.
        sink_errors: errors of sinks, summed over all sinks.
        seconds: the time from the arrival of the first frame to the end of the last, in seconds.
        fps: results per second over ``seconds``.
        age_median: median age of the last KEPT_RESULTS results, from capture to result, in ms.
        age_p90: 90th percentile of these ages, in ms.
        infer_median: median time of the network and its decoder for these results, in ms.
        infer_p90: 90th percentile of these times, in ms.
        recent: events per second over the last seconds.
        lost_by_sink: ``lost`` for each sink, by the sink's name.
        errors_by_sink: ``sink_errors`` for each sink, by the sink's name.
        faults: results that only state why there is none, such as NaN in an output.
        by_source: the counters of each source, by its name, once it gave a frame.
    """

    frames: int = 0
    dropped: int = 0
    skipped: int = 0
    lost: int = 0
    sink_errors: int = 0
    seconds: float = 0.0
    fps: float = 0.0
    age_median: float = 0.0
    age_p90: float = 0.0
    infer_median: float = 0.0
    infer_p90: float = 0.0
    recent: Rates = Rates()
    lost_by_sink: Mapping[str, int] = MappingProxyType({})
    errors_by_sink: Mapping[str, int] = MappingProxyType({})
    faults: int = 0
    by_source: Mapping[str, SourceCounts] = MappingProxyType({})

    @property
    def captured(self) -> int:
        """The number of frames that the source captured, up to the last one that was processed or skipped."""
        return self.frames + self.dropped + self.skipped

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of a run. Times have three decimals; ``sinks_dropped`` is an old name of ``lost``."""
        names = ("seconds", "fps", "age_median", "age_p90", "infer_median", "infer_p90")
        counts = ("frames", "dropped", "skipped", "lost", "sink_errors", "faults")
        return {
            **{name: getattr(self, name) for name in counts},
            "sinks_dropped": self.lost,
            **{name: round(getattr(self, name), 3) for name in names},
            "sources": {name: counts._asdict() for name, counts in self.by_source.items()},
        }

    def line(self) -> str:
        """Return one line of text. Counters that are usually 0 appear only when they are not."""
        usual = [f"{self.frames} frame{'' if self.frames == 1 else 's'}", f"{self.dropped} dropped"]
        seldom = {
            "skipped": self.skipped,
            "lost by sinks": self.lost,
            "sink errors": self.sink_errors,
            "without a result": self.faults,
        }
        counts = [*usual, *(f"{count} {name}" for name, count in seldom.items() if count)]
        return (
            f"{', '.join(counts)}, {self.fps:.1f} frames/s; "
            f"age {self.age_median:.1f} ms (p90 {self.age_p90:.1f}), "
            f"infer {self.infer_median:.2f} ms (p90 {self.infer_p90:.2f})"
        )


class Stats:
    """The counters of a running loop. All methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start with all counters at 0.

        Args:
            clock: returns monotonic time in seconds. Tests pass their own.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._frames = self._faults = 0
        self._sources: dict[str, _SourceCounter] = {}
        self._lost: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._recent = RecentCounts()
        self._began = self._ended = 0.0
        self._ages, self._infers = np.zeros(KEPT_RESULTS), np.zeros(KEPT_RESULTS)  # ring buffers

    @property
    def frames(self) -> int:
        """The number of frames with a result so far."""
        return self._frames

    def count_result(self, frame: Frame, age_ms: float, infer_ms: float, faulty: bool = False) -> tuple[int, int]:
        """Count a result.

        Args:
            frame: the frame of the result. A gap in its index counts as dropped frames.
            age_ms: the age of the result, in ms.
            infer_ms: the time of the network and its decoder, in ms.
            faulty: whether the result only states why there is none.

        Returns:
            The numbers of dropped and of skipped frames of the frame's source so far.
        """
        with self._lock:
            self._faults += faulty
            place = self._frames % KEPT_RESULTS
            self._ages[place], self._infers[place] = age_ms, infer_ms
            self._frames += 1
            source = self._count_frame(frame, "frames", age_ms / 1e3)
            source.frames += 1
            return source.dropped, source.skipped

    def count_skipped(self, frame: Frame) -> None:
        """Count a frame that a gate skipped."""
        with self._lock:
            self._count_frame(frame, "skipped", 0.0).skipped += 1

    def count_lost(self, sink: str, count: int = 1) -> None:
        """Count ``count`` results that were lost for the sink with the name ``sink``."""
        if not count:
            return
        with self._lock:
            self._lost[sink] += count
            self._recent.add(self._clock(), "lost", count)

    def count_error(self, sink: str) -> None:
        """Count one error of the sink with the name ``sink``."""
        with self._lock:
            self._errors[sink] += 1

    def snapshot(self) -> StatsSnapshot:
        """Return the counters at this moment."""
        with self._lock:
            now = self._clock()
            seconds = self._ended - self._began
            recent = self._recent.rates(now, self._began)
            lost, errors, faults = dict(self._lost), dict(self._errors), self._faults
            by_source = {name: source.counts() for name, source in self._sources.items()}
            dropped, skipped = (sum(column) for column in list(zip(*by_source.values(), strict=True))[1:] or ((), ()))
            counts = (self._frames, dropped, skipped, sum(lost.values()), sum(errors.values()))
            times = [ring[: min(self._frames, KEPT_RESULTS)].copy() for ring in (self._ages, self._infers)]
        rates = Rates(*(float(recent[name]) for name in Rates._fields))
        fps = counts[0] / seconds if seconds > 0 else 0.0
        age, infer = (_percentiles(ring) for ring in times)
        return StatsSnapshot(*counts, seconds, fps, *age, *infer, rates, lost, errors, faults, by_source)

    def _count_frame(self, frame: Frame, outcome: str, age: float) -> "_SourceCounter":
        """Count a frame that arrived ``age`` seconds ago, and the frames that were dropped since the source's last one.

        A gap between the indices of the two frames is the number of dropped frames.
        """
        now = self._clock()
        self._ended = now
        if not self._sources:
            self._began = now - age
        source = self._sources.get(frame.stream)
        if source is None:
            source = self._sources[frame.stream] = _SourceCounter()
        dropped = max(0, frame.index - source.captured)  # an index that goes back drops no frames
        source.captured += dropped + 1
        source.dropped += dropped
        self._recent.add(now, outcome)
        if dropped:
            self._recent.add(now, "dropped", dropped)
        return source


@dataclass
class _SourceCounter:
    """Counts the frames of one source."""

    captured: int = 0
    frames: int = 0
    dropped: int = 0
    skipped: int = 0

    def counts(self) -> SourceCounts:
        """Return the counters."""
        return SourceCounts(self.frames, self.dropped, self.skipped)


def _percentiles(times: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and the 90th percentile, or zeros when there are no times."""
    if not times.size:
        return 0.0, 0.0
    # This computes the same as np.percentile, whose first call imports numpy.ma: a tenth of the command's start time.
    median, p90 = np.interp(np.array([0.5, 0.9]) * (len(times) - 1), np.arange(len(times)), np.sort(times))
    return float(median), float(p90)
