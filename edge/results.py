"""``Result`` is what the loop passes to sinks: frozen plain values, ready to print or serialize.

``docs/results-format.md`` describes the JSON form. Each task writes its own part of it (``edge.tasks``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SCHEMA = 2
"""The version of the JSON form. Version 1 had only classification, and no field for the version."""

Box = tuple[float, float, float, float]
"""A box x0, y0, x1, y1 in pixels of the original frame. The origin is top left; x1 and y1 are exclusive."""

Point = tuple[float, float, float]
"""A point x, y in pixels of the original frame, and its score from 0 to 1."""


@dataclass(frozen=True)
class Prediction:
    """One class of the whole picture, or one object in it.

    Attributes:
        label: the class's name.
        score: the score, from 0 to 1.
        index: the class's index in the labels.
        box: the object's box. None for a class of the whole picture.
        id: the number of the track. None without a tracker.
        points: landmarks or keypoints of the object.
        nested: the result of another model for the object's box.
        trail: where the track was in the last second: x, y of the middle of its lower edge in pixels, the oldest first.
    """

    label: str
    score: float
    index: int
    box: Box | None = None
    id: int | None = None
    points: tuple[Point, ...] = ()
    nested: "Result | None" = None
    trail: tuple[tuple[float, float], ...] = ()

    @property
    def caption(self) -> str:
        """The text for the user: ``cat 98%``, or ``cat #3 98%`` with a track."""
        track = "" if self.id is None else f" #{self.id}"
        return f"{self.label}{track} {self.score:.0%}"


@dataclass(frozen=True)
class Mask:
    """One class for each pixel of the frame.

    Attributes:
        classes: (height, width) uint8 or uint16, in pixels of the frame. Pixels outside the network's input are
            ``unknown``.
        labels: the names of the classes.
    """

    classes: NDArray[Any]
    labels: tuple[str, ...]

    @property
    def unknown(self) -> int:
        """The class number of pixels outside the network's input: the largest value of the dtype."""
        return unknown_class(self.classes.dtype)

    def shares(self) -> dict[str, float]:
        """Return the share of each class in the frame's pixels, from 0 to 1. Classes without a pixel are omitted."""
        counts = np.bincount(self.classes.ravel(), minlength=len(self.labels)).tolist()
        found: dict[str, float] = {}
        for label, count in zip(self.labels, counts[: len(self.labels)], strict=True):
            if count:
                found[label] = found.get(label, 0.0) + count / self.classes.size
        return found


def unknown_class(dtype: Any) -> int:
    """Return the class number of pixels outside the network's input in masks of ``dtype``."""
    return int(np.iinfo(dtype).max)


@dataclass(frozen=True)
class Pose:
    """Keypoints of one instance, such as a person or a face.

    Attributes:
        points: x, y in pixels of the frame and score of each keypoint, in the order of ``names``.
        names: the names of the keypoints.
        score: the score of the instance, from 0 to 1.
        box: the box around the instance. None when the network has no boxes.
        edges: pairs of keypoints that a drawing joins.
        point_threshold: points with a lower score are uncertain, and a drawing leaves them out.
        part: the name of the output with these points, for networks with several sets of points per instance, such as
            the contour and the iris of an eye.
        id: the number of the track. None without a tracker.
    """

    points: tuple[Point, ...]
    names: tuple[str, ...]
    score: float = 1.0
    box: Box | None = None
    edges: tuple[tuple[int, int], ...] = ()
    point_threshold: float = 0.0
    part: str = ""
    id: int | None = None

    def certain(self) -> tuple[bool, ...]:
        """Return for each point whether its coordinates are finite and its score reaches the threshold."""
        return tuple(all(map(math.isfinite, point)) and point[2] >= self.point_threshold for point in self.points)


@dataclass(frozen=True)
class Place:
    """A line or zone of the frame with what was counted there.

    Attributes:
        name: the line's or zone's name.
        kind: whether it is a line or a zone.
        points: x and y of its corners in pixels of the frame.
        counts: the counters by name. A line has ``in`` and ``out``; a zone has ``now`` (objects inside),
            ``entered`` and ``left``.
    """

    name: str
    kind: Literal["line", "zone"]
    points: tuple[tuple[float, float], ...]
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Occurrence:
    """Something that happened in this frame.

    Attributes:
        kind: ``cross`` for a line; ``enter``, ``leave`` and ``dwell`` for a zone.
        place: the name of the line or zone.
        label: the label of the object.
        id: the number of the object's track.
        direction: ``in`` or ``out`` for a line, else empty.
        seconds: how long the object has been in the zone.
    """

    kind: Literal["cross", "enter", "leave", "dwell"]
    place: str
    label: str
    id: int | None = None
    direction: Literal["", "in", "out"] = ""
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object, without the fields that are empty for the kind."""
        out: dict[str, Any] = {"kind": self.kind, "place": self.place, "label": self.label}
        if self.id is not None:
            out["id"] = self.id
        if self.direction:
            out["direction"] = self.direction
        if self.kind in ("leave", "dwell"):
            out["seconds"] = rounded(self.seconds, 3)
        return out


@dataclass(frozen=True)
class Result:
    """Everything known about one processed frame. What the task does not give stays empty.

    Attributes:
        task: the task's name. It decides which of the next eight fields are filled.
        predictions: classes or objects, with the best first.
        mask: one class per pixel.
        poses: keypoints, one entry per instance, with the best first.
        embedding: (n,) float32.
        values: the predicted quantities by name.
        units: the units of the quantities, by name.
        image: (height, width, 3) uint8 BGR, for networks that return pictures.
        tensors: the outputs by name, as real values.
        places: the lines and zones of the frame with their counters.
        occurrences: what happened at them in this frame.
        frame: the frame's index from the source. -1 outside of a loop.
        source: the source's name.
        captured_ns: ``time.time_ns()`` when the frame was captured.
        age_clock: the moment from which the age counts: ``arrival``, ``decode``, ``pts`` or ``sender``.
        age_ms: the time from capture to result, in ms.
        dropped: the frames that newer ones replaced since the loop began.
        skipped: the frames that a gate skipped since the loop began.
        infer_ms: the time of the network and its decoder, in ms.
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
    places: tuple[Place, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
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
        """Return the JSON object of the jsonl and MQTT sinks: data of the frame, and the task's part."""
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
            **({"places": [_place(one) for one in self.places]} if self.places else {}),
            **({"occurrences": [one.as_json() for one in self.occurrences]} if self.occurrences else {}),
        }


def _place(place: Place) -> dict[str, Any]:
    points = [[rounded(x, 1), rounded(y, 1)] for x, y in place.points]
    return {"name": place.name, "kind": place.kind, "points": points, "counts": dict(place.counts)}


def rounded(value: float, digits: int) -> float | None:
    """Return a Python float for JSON, which has no numpy floats. None unless it is finite: JSON has no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
