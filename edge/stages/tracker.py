"""``Tracker`` gives the objects of a source numbers that stay the same from frame to frame.

- ``sort``: A. Bewley et al., "Simple Online and Realtime Tracking", 2016 (https://arxiv.org/abs/1602.00763).
- ``bytetrack``: Y. Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", 2021
  (https://arxiv.org/abs/2110.06864). Detections D are divided by their score into D_high and D_low. Tracks T are
  associated with D_high first. The tracks T_remain that are left are associated with D_low: most of these are objects
  that others cover.

Where frames come seldom, the boxes of a new track and of its next detection may not overlap. What is left of them
after the steps above is associated by the distance of the centres, up to what an object can move in the time between
two frames. C-BIoU (https://arxiv.org/abs/2211.14317) enlarges boxes for the same reason.

Both predict the boxes of the tracks with a Kalman filter and assign detections by their intersection over union (IoU).
All times are seconds of the frames, so that cameras with a variable rate and skipped frames are followed as well.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.errors import InputError
from edge.frames import Frame
from edge.results import Result
from edge.stages.assignment import Doubles, Indices, assign, check_installed, nearness, overlaps
from edge.stages.clock import Clock, Elapsed, capture_time
from edge.stages.kalman import BoxFilter
from edge.stages.objects import placed_objects, with_ids
from edge.stages.trails import Trails

Bools = NDArray[np.bool_]

SECOND_IOU = 0.5
"""The least IoU of a track with a detection of low score, as in ByteTrack."""

REACH = 10.0
"""How far an object moves in a second at most, in sizes of its box. It decides where boxes do not overlap."""


@dataclass(frozen=True)
class TrackerOptions:
    """How objects are followed.

    Attributes:
        method: ``bytetrack`` or ``sort``.
        high_threshold: the least score of a detection that may begin or confirm a track (tau in ByteTrack).
        low_threshold: the least score of a detection that may continue a track, only for ``bytetrack``.
        iou_threshold: the least IoU of a track with a detection. ByteTrack multiplies the IoU by the score.
        max_age: the time in seconds after which a track that is not seen ends.
        min_hits: the number of detections, one frame after the other, that confirm a track.
        only_tracked: whether predictions without a confirmed track are removed.
        trail: the time in seconds for which a drawing shows where an object was. 0 for none.
    """

    method: Literal["bytetrack", "sort"] = "bytetrack"
    high_threshold: float = 0.5
    low_threshold: float = 0.1
    iou_threshold: float = 0.2
    max_age: float = 1.0
    min_hits: int = 2
    only_tracked: bool = False
    trail: float = 1.0

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if self.method not in ("bytetrack", "sort"):
            raise InputError(f"method of a tracker must be bytetrack or sort, got {self.method!r}")
        for name in ("high_threshold", "low_threshold", "iou_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} of a tracker must be from 0 to 1, got {getattr(self, name)}")
        if self.low_threshold > self.high_threshold:
            raise InputError(
                f"low_threshold of a tracker must be at most high_threshold {self.high_threshold}, "
                f"got {self.low_threshold}"
            )
        if not 0 < self.max_age < float("inf"):
            raise InputError(f"max_age of a tracker must be a number of seconds above 0, got {self.max_age}")
        if self.min_hits < 1:
            raise InputError(f"min_hits of a tracker must be 1 or more, got {self.min_hits}")
        if not 0 <= self.trail < float("inf"):
            raise InputError(f"trail of a tracker must be 0 or more seconds, got {self.trail}")


class Tracker:
    """The tracks of one source. Objects of different labels are never one track. Numbers count from 1."""

    def __init__(self, options: TrackerOptions | None = None, clock: Clock = capture_time) -> None:
        """Start without tracks.

        Args:
            options: how objects are followed.
            clock: the time of frames.

        Raises:
            MissingExtra: ``lapx`` is not installed.
        """
        check_installed()
        self._options = options or TrackerOptions()
        self._elapsed, self._frames = Elapsed(clock), 0
        self._filter = BoxFilter()
        self._ids = np.zeros(0, np.int64)  # 0: not confirmed yet
        self._hits = np.zeros(0, np.int64)
        self._seen = np.zeros(0)  # the time of the last detection
        self._labels = np.zeros(0, np.int64)
        self._numbers: dict[str, int] = {}  # of labels
        self._last_id = 0
        self._trails = Trails(self._options.trail)
        self._before = 0.0  # the time of the last frame

    def __call__(self, frame: Frame, result: Result) -> Result:
        """Return the result with ``id`` for each prediction and pose that belongs to a confirmed track."""
        objects = placed_objects(result)
        boxes = np.asarray([one.box for one in objects], np.float64).reshape(-1, 4)
        scores = np.asarray([one.score for one in objects], np.float64)
        labels = np.asarray([self._numbers.setdefault(one.label, len(self._numbers)) for one in objects], np.int64)
        found = self._step(self._elapsed(frame), boxes, scores, labels)
        ids: list[int | None] = [None] * (len(result.predictions) + len(result.poses))
        trails = {}
        for one, number in zip(objects, found.tolist(), strict=True):
            if number:
                ids[one.place] = number
                trails[number] = self._trails.add(number, one.box, self._elapsed.now)
        return with_ids(result, ids, trails, self._options.only_tracked)

    def _step(self, seconds: float, boxes: Doubles, scores: Doubles, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Follow the detections (n,) of a frame and return the number of each one's track, 0 without one."""
        self._predict(seconds)
        same = self._labels[:, None] == labels[None, :]
        taken = self._associate(overlaps(self._filter.boxes, boxes) * same, scores)
        new = (self._hits == 1) & (taken < 0)
        if new.any() and 0 < seconds <= self._options.max_age:
            self._associate_near(taken, nearness(self._filter.boxes, boxes, REACH * seconds) * same, scores)
        self._hits[taken >= 0] += 1
        confirmed = self._ids > 0
        for row in np.flatnonzero((taken >= 0) & ~confirmed):
            if self._hits[row] >= self._options.min_hits:
                self._ids[row] = self._next_id()
        found = np.zeros(len(boxes), np.int64)
        matched = taken >= 0
        self._filter.update(np.flatnonzero(matched), boxes[taken[matched]])
        self._seen[matched] = self._elapsed.now
        found[taken[matched]] = self._ids[matched]
        free = np.ones(len(boxes), np.bool_)
        free[taken[matched]] = False
        self._remove(matched)
        found[free] = self._begin(boxes[free], scores[free], labels[free])
        self._frames += 1
        self._before = self._elapsed.now
        return found

    def _predict(self, seconds: float) -> None:
        """Move the tracks on. After a pause longer than ``max_age`` objects are expected where they were."""
        if seconds > self._options.max_age:
            self._filter.stop(np.ones(len(self._ids), np.bool_))
        self._filter.stop_growing(self._seen < self._before)
        self._filter.predict(min(seconds, self._options.max_age))

    def _associate(self, iou: Doubles, scores: Doubles) -> Indices:
        """Return the detection of each track (tracks,), -1 without one, by the overlap of their boxes."""
        options = self._options
        byte = options.method == "bytetrack"
        high = scores >= options.high_threshold
        taken = np.full(len(self._ids), -1, np.intp)
        confirmed = self._ids > 0
        fused = iou * scores if byte else iou
        self._pair(taken, fused, confirmed, high, options.iou_threshold)
        if byte:
            seen = self._seen >= self._before
            low = ~high & (scores >= options.low_threshold)
            self._pair(taken, iou, confirmed & seen & (taken < 0), low, SECOND_IOU)
        left = high.copy()
        left[taken[taken >= 0]] = False
        self._pair(taken, fused, ~confirmed, left, max(options.iou_threshold, 0.3 if byte else 0.0))
        return taken

    def _associate_near(self, taken: Indices, near: Doubles, scores: Doubles) -> None:
        """Associate what is left: tracks that began in the frame before, and detections of high score.

        Older tracks have a speed, so that they are expected where they are.
        """
        left = scores >= self._options.high_threshold
        left[taken[taken >= 0]] = False
        self._pair(taken, near, (taken < 0) & (self._hits == 1) & (self._seen >= self._before), left, 0.0)

    @staticmethod
    def _pair(taken: Indices, similarity: Doubles, tracks: Bools, detections: Bools, least: float) -> None:
        """Assign some of the detections to some of the tracks and write them into ``taken``."""
        rows, columns = np.flatnonzero(tracks), np.flatnonzero(detections)
        found, to = assign(similarity[np.ix_(rows, columns)], max(least, 1e-6))
        taken[rows[found]] = columns[to]

    def _remove(self, matched: Bools) -> None:
        """End tracks that were not seen for too long, and unconfirmed ones that were not seen in this frame."""
        recent = self._elapsed.now - self._seen <= self._options.max_age
        keep = matched | ((self._ids > 0) & recent)
        if not keep.all():
            self._filter.keep(keep)
            self._ids, self._hits = self._ids[keep], self._hits[keep]
            self._seen, self._labels = self._seen[keep], self._labels[keep]
            self._trails.keep(set(self._ids.tolist()))

    def _begin(self, boxes: Doubles, scores: Doubles, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Begin tracks and return the number of each detection's track.

        Those of the first frame are confirmed at once, as in both papers' programs: the objects were there before.
        """
        new = scores >= self._options.high_threshold
        count = int(new.sum())
        at_once = self._options.min_hits == 1 or not self._frames
        ids = np.asarray([self._next_id() if at_once else 0 for _ in range(count)], np.int64)
        self._filter.add(boxes[new])
        self._ids = np.concatenate([self._ids, ids])
        self._hits = np.concatenate([self._hits, np.ones(count, np.int64)])
        self._seen = np.concatenate([self._seen, np.full(count, self._elapsed.now)])
        self._labels = np.concatenate([self._labels, labels[new]])
        found = np.zeros(len(boxes), np.int64)
        found[new] = ids
        return found

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id
