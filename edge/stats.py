"""How a run of the loop goes: what became of each frame and each result, the results' ages, the network's times.

Three things are counted apart. A frame is *dropped* when a newer one came before the loop could take it, and *skipped*
when a gate passed it over. A result is *lost* to a sink that was too slow, or failing, when it came.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.frames import Frame
from edge.rates import RecentCounts

REMEMBERED = 10_000
"""Results whose times the percentiles are made of: the latest, as a loop may run for months."""


@dataclass(frozen=True)
class Rates:
    """Events per second over the last ``edge.rates.WINDOW`` seconds.

    Attributes:
        frames: frames that became results.
        dropped: frames that newer ones replaced.
        skipped: frames that a gate passed over.
        lost: results that a sink did not take.
    """

    frames: float = 0.0
    dropped: float = 0.0
    skipped: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True)
class StatsSnapshot:
    """The counts at one moment, which agree with each other: ``frames + dropped + skipped`` is ``captured``.

    Attributes:
        frames: frames that became results.
        dropped: frames that newer ones replaced, in the loop or inside the source.
        skipped: frames that a gate passed over.
        lost: results that a sink did not take, all sinks together.
        sink_errors: how often a sink failed, all sinks together.
        seconds: from the first frame's arrival to the last frame's result, or its being skipped.
        fps: results per second, over all of ``seconds``.
        age_median: from capture to result, in ms, of the last REMEMBERED results like the next three.
        age_p90: nine of ten ages were at most that, in ms.
        infer_median: the network's part of the age, with the decoding of its outputs, in ms.
        infer_p90: nine of ten of these times were at most that, in ms.
        recent: rates of the last seconds.
        lost_by_sink: ``lost`` by the sink's name.
        errors_by_sink: ``sink_errors`` by the sink's name.
        faults: how many of the results say why there is none.
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
    recent: Rates = field(default_factory=Rates)
    lost_by_sink: Mapping[str, int] = field(default_factory=dict)
    errors_by_sink: Mapping[str, int] = field(default_factory=dict)
    faults: int = 0

    @property
    def captured(self) -> int:
        """How many frames the source captured up to the last one that was processed or skipped."""
        return self.frames + self.dropped + self.skipped

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of a run, three decimals; ``sinks_dropped`` is the former name of ``lost``."""
        names = ("seconds", "fps", "age_median", "age_p90", "infer_median", "infer_p90")
        counts = ("frames", "dropped", "skipped", "lost", "sink_errors", "faults")
        return {
            **{name: getattr(self, name) for name in counts},
            "sinks_dropped": self.lost,
            **{name: round(getattr(self, name), 3) for name in names},
        }

    def line(self) -> str:
        """Return one line for a person; what is usually 0 is left out when it is."""
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
    """The counters of a running loop. Its threads write them; any thread may take a snapshot at any time."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """clock: seconds that never go back; for tests."""
        self._clock = clock
        self._lock = threading.Lock()
        self._frames = self._skipped = self._captured = self._faults = 0
        self._lost: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._recent = RecentCounts()
        self._began = self._ended = 0.0
        self._ages, self._infers = np.zeros(REMEMBERED), np.zeros(REMEMBERED)  # rings of the latest

    @property
    def frames(self) -> int:
        """How many frames became results so far."""
        return self._frames

    def count(self, frame: Frame, age_ms: float, infer_ms: float, faulty: bool = False) -> tuple[int, int]:
        """Note the result of ``frame``; return how many frames were dropped and skipped so far."""
        with self._lock:
            self._faults += faulty
            place = self._frames % REMEMBERED
            self._ages[place], self._infers[place] = age_ms, infer_ms
            self._frames += 1
            self._decided(frame, "frames", age_ms / 1e3)
            return self._dropped, self._skipped

    def skip(self, frame: Frame) -> None:
        """Note that a gate passed ``frame`` over."""
        with self._lock:
            self._skipped += 1
            self._decided(frame, "skipped", 0.0)

    def lose(self, sink: str, count: int = 1) -> None:
        """Note that a sink of that name did not take ``count`` results."""
        if not count:
            return
        with self._lock:
            self._lost[sink] += count
            self._recent.add(self._clock(), "lost", count)

    def fail(self, sink: str) -> None:
        """Note that a sink of that name failed once."""
        with self._lock:
            self._errors[sink] += 1

    def snapshot(self) -> StatsSnapshot:
        """Return the counts and times at this moment."""
        with self._lock:
            now = self._clock()
            seconds = self._ended - self._began
            recent = self._recent.rates(now, self._began)
            lost, errors, faults = dict(self._lost), dict(self._errors), self._faults
            counts = (self._frames, self._dropped, self._skipped, sum(lost.values()), sum(errors.values()))
            times = [ring[: min(self._frames, REMEMBERED)].copy() for ring in (self._ages, self._infers)]
        rates = Rates(*(float(recent[name]) for name in Rates.__dataclass_fields__))
        fps = counts[0] / seconds if seconds > 0 else 0.0
        age, infer = (_percentiles(ring) for ring in times)
        return StatsSnapshot(*counts, seconds, fps, *age, *infer, rates, lost, errors, faults)

    @property
    def _dropped(self) -> int:
        return self._captured - self._frames - self._skipped

    def _decided(self, frame: Frame, fate: str, age: float) -> None:
        """Count one frame by its fate, and as dropped those that its index says came between it and the last one.

        age: how many seconds ago it arrived.
        """
        now = self._clock()
        self._ended = now
        if not self._captured:
            self._began = now - age
        dropped = max(0, frame.index - self._captured)  # a source whose index goes back captured this one at least
        self._captured += dropped + 1
        self._recent.add(now, fate)
        if dropped:
            self._recent.add(now, "dropped", dropped)


def _percentiles(times: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and the 90th percentile, zeros when there are none."""
    if not times.size:
        return 0.0, 0.0
    # As np.percentile, which imports numpy's masked arrays at its first call: a tenth of the command's start.
    median, p90 = np.interp(np.array([0.5, 0.9]) * (len(times) - 1), np.arange(len(times)), np.sort(times))
    return float(median), float(p90)
