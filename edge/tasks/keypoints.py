"""Keypoints, such as joints of bodies, landmarks of faces and corners of objects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from edge import labels as label_files
from edge.decoders.base import PoseDecoder, Poses
from edge.decoders.parameters import number
from edge.imaging import Image
from edge.placement import Placement
from edge.results import Pose, Result
from edge.signature import Signature
from edge.tasks import canvas, json_form, lettering
from edge.tasks.base import Budget, Comparer, Task
from edge.tasks.decoding import decoder_of
from edge.tasks.parameters import Parameters, pairs, texts
from edge.tasks.pose_comparison import PoseComparison
from edge.tensors import Outputs

COCO = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle",
    "right ankle",
)  # fmt: skip
"""The seventeen keypoints of a person, https://cocodataset.org/#keypoints-2020, in their order."""

COCO_EDGES = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13),
    (13, 15), (12, 14), (14, 16),
)  # fmt: skip
"""The pairs of COCO's keypoints that a drawing connects: head, shoulders, arms, trunk and legs."""

SEVERAL = 0.25
"""The default score threshold of networks with several candidates, most of which are no instances."""


class Keypoints(Task):
    """Decodes poses with the decoder of the signature.

    Parameters in the manifest, besides those of the decoder:
        names: the names of the keypoints (default: the labels, else COCO's names for 17 points, else numbers).
        edges: the pairs of keypoints that a drawing connects (default: COCO's pairs for COCO's points).
        point_threshold: the score below which a point is uncertain: it is not drawn and not compared (default 0.3).
        score_threshold: the least score of an instance (default 0 for networks of one instance, 0.25 for others).

    The truth of a sample is (k, 2) x, y or (k, 3) x, y, visible, or (instances, k, 2 or 3) of them, in pixels of the
    frame; points that are not visible (0) count nowhere.
    """

    name: ClassVar[str] = "keypoints"
    budget: ClassVar[Budget] = Budget(95.0, 1.0)

    def __init__(self, signature: Signature, labels: Sequence[str] | None = None, origin: str = "labels") -> None:
        given = Parameters(signature)
        self._decoder: PoseDecoder = decoder_of(signature, given)
        count = self._decoder.points
        self._parts: Mapping[str, int] = getattr(self._decoder, "parts", {"": count})
        stated_names = texts(given, "names", count)
        self._named = stated_names is not None or labels is not None
        self.names = stated_names or _names(labels, count, origin)
        default = COCO_EDGES if self.names == COCO else ()
        stated = pairs(given, "edges", count)
        self._edges = default if stated is None else stated
        self.point_threshold = number(given, "point_threshold", 0.3, 0, 1)
        self._stated_score = "score_threshold" in given
        self._score_threshold = number(given, "score_threshold", SEVERAL, 0, 1)
        given.finish()
        self.size = signature.image.size if signature.image else None

    def decode(self, outputs: Outputs, placement: Placement | None = None) -> Result:
        """See Task. Without a placement the points are in pixels of the input."""
        found = self.instances(outputs, placement)
        boxes = [None] * len(found.scores) if found.boxes is None else found.boxes.tolist()
        rows = zip(found.points.tolist(), found.scores.tolist(), boxes, strict=True)
        return Result(self.name, poses=tuple(pose for row in rows for pose in self._poses(*row)))

    def instances(self, outputs: Outputs, placement: Placement | None = None) -> Poses:
        """Return the instances that reach the threshold, best first, in pixels of the frame."""
        found = self._decoder(outputs)
        order = np.argsort(-found.scores, kind="stable")
        if self._stated_score or len(found.scores) > 1:
            order = order[found.scores[order] >= self._score_threshold]
        points, boxes = _on_frame(found, placement)
        return Poses(points[order], found.scores[order], None if boxes is None else boxes[order])

    def comparer(self) -> Comparer:
        """See Task: the share of points that lie within 2 % of the picture's diagonal; PCK against the truth."""
        return PoseComparison(self)

    @staticmethod
    def draw(image: Image, result: Result) -> None:
        """See Task: each instance in a colour of its own, or in that of its track."""
        for row, pose in enumerate(result.poses):
            _draw(image, pose, canvas.colour_of(row if pose.id is None else pose.id))
        captions = lettering.Captions(image)
        for pose in result.poses:
            if pose.box is not None:
                captions.add([caption_of(pose)], pose.box)

    @staticmethod
    def as_json(result: Result) -> Mapping[str, Any]:
        """See Task."""
        return {"poses": [json_form.pose(pose) for pose in result.poses]}

    @staticmethod
    def line(result: Result) -> str:
        """See Task: ``pose 91% with 17 of 17 points``."""
        return " | ".join(_summary(pose) for pose in result.poses) or "nothing"

    def _poses(self, points: list[list[float]], score: float, box: list[float] | None) -> Iterator[Pose]:
        """Yield one instance: a pose, or one for each of its parts, whose points are then named from its own first."""
        rows = tuple((x, y, s) for x, y, s in points)
        corners = None if box is None else (box[0], box[1], box[2], box[3])
        if len(self._parts) == 1:
            yield Pose(rows, self.names, score, corners, self._edges, self.point_threshold)
            return
        start = 0
        for part, count in self._parts.items():
            end = start + count
            inside = tuple((a - start, b - start) for a, b in self._edges if start <= min(a, b) and max(a, b) < end)
            names = self.names[start:end] if self._named else tuple(str(i) for i in range(count))
            yield Pose(rows[start:end], names, score, corners, inside, self.point_threshold, part)
            start = end


def _summary(pose: Pose) -> str:
    return f"{pose.part or 'pose'} {pose.score:.0%} with {sum(pose.certain())} of {len(pose.points)} points"


def caption_of(pose: Pose) -> str:
    """Return the instance's score, after the number of its track: ``#3 90%``."""
    return f"{'' if pose.id is None else f'#{pose.id} '}{pose.score:.0%}"


def _names(labels: Sequence[str] | None, count: int, origin: str) -> tuple[str, ...]:
    if labels is not None:
        label_files.check_count(labels, count, origin)
        return tuple(labels)
    return COCO if count == len(COCO) else tuple(str(i) for i in range(count))


def _on_frame(found: Poses, placement: Placement | None) -> tuple[Any, Any]:
    """Map points and boxes to pixels of the frame."""
    if placement is None:
        return found.points, found.boxes
    points = np.concatenate([placement.to_frame(found.points[..., :2]), found.points[..., 2:]], axis=-1)
    return points, None if found.boxes is None else placement.boxes_to_frame(found.boxes)


def _draw(image: Image, pose: Pose, colour: canvas.Colour) -> None:
    certain = pose.certain()
    for a, b in pose.edges:
        if certain[a] and certain[b]:
            canvas.joint(image, pose.points[a], pose.points[b], colour)
    for (x, y, _), seen in zip(pose.points, certain, strict=True):
        if seen:
            canvas.dot(image, x, y, colour)
    if pose.box is not None:
        canvas.box(image, pose.box, colour)
