"""What the loop hands to sinks: plain values, frozen, ready to print or to serialize."""

import math
from dataclasses import dataclass
from typing import Any

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the original frame, origin top left, x1 and y1 exclusive."""


@dataclass(frozen=True)
class Prediction:
    """One class or object. score: 0 to 1. index: row in the labels. id: track, when a tracker gave one."""

    label: str
    score: float
    index: int
    box: Box | None = None
    id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object: label, score (4 decimals), and box and id where there are any.

        A score that is no finite number, as a broken model gives, is null: JSON knows no NaN, and 0 would be a claim.
        """
        out: dict[str, Any] = {"label": self.label, "score": _rounded(self.score, 4)}
        if self.box is not None:
            out["box"] = [_rounded(v, 1) for v in self.box]
        if self.id is not None:
            out["id"] = self.id
        return out


@dataclass(frozen=True)
class Result:
    """Everything known about one processed frame.

    predictions: best first. frame: index counted by the source, from 0. source: its name.
    captured_ns: ``time.time_ns()`` when the frame was captured. age_ms: from capture to result.
    dropped: frames replaced by newer ones since the loop began. infer_ms: the model's part of the age.
    """

    predictions: tuple[Prediction, ...]
    frame: int = -1
    source: str = ""
    captured_ns: int = 0
    age_ms: float = 0.0
    dropped: int = 0
    infer_ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that the jsonl and MQTT sinks write."""
        return {
            "frame": self.frame,
            "source": self.source,
            "captured_ns": self.captured_ns,
            "age_ms": _rounded(self.age_ms, 3),
            "dropped": self.dropped,
            "results": [p.as_json() for p in self.predictions],
        }


def _rounded(value: float, digits: int) -> float | None:
    """Return a Python float (numpy's are no JSON), None unless it is finite."""
    return round(float(value), digits) if math.isfinite(value) else None
