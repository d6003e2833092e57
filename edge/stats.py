"""How a run of the loop went: frames, drops, ages and the model's times."""

import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge.sources.base import Frame

REMEMBERED = 10_000
"""Results whose times the summary is made of: the latest, as a loop may run for months."""


@dataclass(frozen=True)
class Stats:
    """The summary of a run. Times in ms; age is from capture to result, infer the model's part of it.

    dropped: frames that newer ones replaced. sinks_dropped: results that a slow sink did not take.
    seconds: from the first frame's arrival to the last result.
    """

    frames: int
    dropped: int
    sinks_dropped: int
    seconds: float
    fps: float
    age_median: float
    age_p90: float
    infer_median: float
    infer_p90: float

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object, three decimals."""
        return {name: round(value, 3) for name, value in asdict(self).items()}

    def line(self) -> str:
        """Return one line for a person."""
        return (
            f"{self.frames} frames, {self.dropped} dropped, {self.fps:.1f} frames/s; "
            f"age {self.age_median:.1f} ms (p90 {self.age_p90:.1f}), "
            f"infer {self.infer_median:.2f} ms (p90 {self.infer_p90:.2f})"
        )


class Clock:
    """Counts frames and keeps their times."""

    def __init__(self) -> None:
        self.frames = self._dropped = 0
        self._began = self._ended = 0.0
        self._ages: deque[float] = deque(maxlen=REMEMBERED)
        self._infers: deque[float] = deque(maxlen=REMEMBERED)

    def count(self, frame: Frame, age_ms: float, infer_ms: float) -> int:
        """Note one result; return how many frames were dropped so far."""
        self._ended = time.perf_counter()
        self._began = self._began or self._ended - age_ms / 1e3
        self._dropped = frame.index - self.frames
        self.frames += 1
        self._ages.append(age_ms)
        self._infers.append(infer_ms)
        return self._dropped

    def stats(self, sinks_dropped: int) -> Stats:
        """Return the summary so far."""
        seconds = self._ended - self._began
        age_median, age_p90 = _percentiles(self._ages)
        infer_median, infer_p90 = _percentiles(self._infers)
        fps = self.frames / seconds if seconds > 0 else 0.0
        return Stats(
            self.frames, self._dropped, sinks_dropped, seconds, fps, age_median, age_p90, infer_median, infer_p90
        )


def _percentiles(values: deque[float]) -> tuple[float, float]:
    """Return the median and the 90th percentile, zeros when there are none."""
    if not values:
        return 0.0, 0.0
    median, p90 = np.percentile(np.fromiter(values, np.float64), (50, 90))
    return float(median), float(p90)
