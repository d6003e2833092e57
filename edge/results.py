"""What the loop hands to sinks: plain values, frozen, ready to print or to serialize.

``docs/results-format.md`` describes the JSON form; the part that belongs to a task is written by the task itself
(``edge.tasks``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 2
"""Version of the JSON form; version 1 had classification only and no such field."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the original frame, origin top left, x1 and y1 exclusive."""

Point = tuple[float, float, float]
"""x, y in pixels of the original frame, and a score, 0 to 1."""


@dataclass(frozen=True)
class Prediction:
    """One class of the whole picture, or one object in it.

    Attributes:
        label: the class's name.
        score: 0 to 1.
        index: the class's row in the labels.
        box: where the object is; None for a class of the whole picture.
        id: the track, when a tracker gave one.
        points: landmarks or keypoints that belong to the object.
        nested: what another model said of the object's box.
    """

    label: str
    score: float
    index: int
    box: Box | None = None
    id: int | None = None
    points: tuple[Point, ...] = ()
    nested: "Result | None" = None

    @property
    def caption(self) -> str:
        """What a person reads of it: ``cat 98%``, with a track ``cat #3 98%``."""
        track = "" if self.id is None else f" #{self.id}"
        return f"{self.label}{track} {self.score:.0%}"


@dataclass(frozen=True)
class Mask:
    """One class for each pixel of the frame.

    Attributes:
        classes: (height, width) uint8 or uint16 of the frame; ``unknown`` where the network did not look.
        labels: the classes' names.
    """

    classes: NDArray[Any]
    labels: tuple[str, ...]

    @property
    def unknown(self) -> int:
        """The number of pixels that the network did not look at: the largest of the dtype."""
        return unknown_class(self.classes.dtype)

    def shares(self) -> dict[str, float]:
        """Return each class's share of the frame's pixels, 0 to 1; classes without a pixel are left out."""
        counts = np.bincount(self.classes.ravel(), minlength=len(self.labels)).tolist()
        found: dict[str, float] = {}
        for label, count in zip(self.labels, counts[: len(self.labels)], strict=True):
            if count:
                found[label] = found.get(label, 0.0) + count / self.classes.size
        return found


def unknown_class(dtype: Any) -> int:
    """Return the class number that masks of ``dtype`` keep for pixels that the network did not look at."""
    return int(np.iinfo(dtype).max)


@dataclass(frozen=True)
class Pose:
    """Keypoints of one instance, such as a person or a face.

    Attributes:
        points: x, y, score of each keypoint, in the order of ``names``; pixels of the frame.
        names: the keypoints' names.
        score: of the instance, 0 to 1.
        box: around the instance, where the network gives one.
        edges: pairs of keypoints that a drawing joins.
        point_threshold: points with a lower score are uncertain, and a drawing leaves them out.
        part: which set of the instance's points this is, for networks that give several, such as an eye's contour and
            its iris: the name of the network's output.
    """

    points: tuple[Point, ...]
    names: tuple[str, ...]
    score: float = 1.0
    box: Box | None = None
    edges: tuple[tuple[int, int], ...] = ()
    point_threshold: float = 0.0
    part: str = ""

    def certain(self) -> tuple[bool, ...]:
        """Return for each point whether it has a place and reaches the threshold."""
        return tuple(all(map(math.isfinite, point)) and point[2] >= self.point_threshold for point in self.points)


@dataclass(frozen=True)
class Result:
    """Everything known about one processed frame. What the task does not give stays empty.

    Attributes:
        task: the task's name, which says which of the next seven fields are filled.
        predictions: classes or objects, best first.
        mask: one class for each pixel.
        poses: keypoints, one entry an instance, best first.
        embedding: (n,) float32.
        values: measured quantities by name.
        units: the unit of each of ``values`` that has one.
        image: (height, width, 3) uint8 BGR, for networks that make pictures.
        tensors: the outputs as they are, by name, real values.
        frame: the frame's index counted by the source, from 0; -1 outside of a loop.
        source: the source's name.
        captured_ns: ``time.time_ns()`` when the frame was captured.
        age_clock: what the age counts from: ``arrival``, ``decode``, ``pts`` or ``sender``.
        age_ms: from capture to result.
        dropped: frames that newer ones replaced since the loop began.
        skipped: frames that a gate passed over since the loop began.
        infer_ms: the network's part of the age: its run and the decoding of its outputs.
        fault: why there is no result, in one line; empty when there is one.
    """

    task: str = "classify"
    predictions: tuple[Prediction, ...] = ()
    mask: Mask | None = None
    poses: tuple[Pose, ...] = ()
    embedding: NDArray[np.float32] | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    image: NDArray[np.uint8] | None = None
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    frame: int = -1
    source: str = ""
    captured_ns: int = 0
    age_clock: str = "arrival"
    age_ms: float = 0.0
    dropped: int = 0
    skipped: int = 0
    infer_ms: float = 0.0
    fault: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that the jsonl and MQTT sinks write: the frame's facts and the task's part."""
        from edge import tasks

        return {
            "schema": SCHEMA,
            "task": self.task,
            "frame": self.frame,
            "source": self.source,
            "captured_ns": self.captured_ns,
            "age_clock": self.age_clock,
            "age_ms": rounded(self.age_ms, 3),
            "infer_ms": rounded(self.infer_ms, 3),
            "dropped": self.dropped,
            "skipped": self.skipped,
            **({"fault": self.fault} if self.fault else {}),
            **tasks.load(self.task).as_json(self),
        }


def rounded(value: float, digits: int) -> float | None:
    """Return a Python float (numpy's are no JSON), None unless it is finite: JSON knows no NaN, and 0 is a claim."""
    return round(float(value), digits) if math.isfinite(value) else None
