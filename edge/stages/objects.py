"""The objects of a result, for stages that follow or count them: predictions and poses that have a place."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from edge.results import Box, Pose, Prediction, Result

POSE = "pose"
"""The label of a pose whose network has one set of points."""


class PlacedObject(NamedTuple):
    """One object with a place in the frame.

    Attributes:
        label: the class name. For a pose its part, or ``POSE``.
        score: the score, from 0 to 1.
        box: x0, y0, x1, y1 in pixels of the frame, finite, with a positive area.
        id: the number of its track. None without one.
        place: the position in the result: predictions first, then poses.
    """

    label: str
    score: float
    box: Box
    id: int | None
    place: int


def placed_objects(result: Result) -> list[PlacedObject]:
    """Return the predictions and poses that have a box. The box of a pose without one surrounds its certain points."""
    found = []
    every: tuple[Prediction | Pose, ...] = (*result.predictions, *result.poses)
    for place, one in enumerate(every):
        box = one.box if isinstance(one, Prediction) else _box_of(one)
        if box is not None and _is_proper(box) and math.isfinite(one.score):
            label = one.label if isinstance(one, Prediction) else one.part or POSE
            found.append(PlacedObject(label, one.score, box, one.id, place))
    return found


Trail = tuple[tuple[float, float], ...]
"""x, y in pixels, the oldest first."""


def with_ids(
    result: Result, ids: Sequence[int | None], trails: Mapping[int, Trail], only_tracked: bool = False
) -> Result:
    """Return the result with the numbers of tracks.

    Args:
        result: the result.
        ids: one for each prediction, then one for each pose. None for objects without a track.
        trails: the trails of tracks by their number.
        only_tracked: whether objects without a track are removed.
    """
    count = len(result.predictions)
    predictions = tuple(
        one if number is None and one.id is None else replace(one, id=number, trail=trails.get(number or 0, ()))
        for one, number in zip(result.predictions, ids[:count], strict=True)
        if number is not None or not only_tracked
    )
    poses = tuple(
        one if one.id == number else replace(one, id=number)
        for one, number in zip(result.poses, ids[count:], strict=True)
        if number is not None or not only_tracked
    )
    return replace(result, predictions=predictions, poses=poses)


def _box_of(pose: Pose) -> Box | None:
    if pose.box is not None:
        return pose.box
    points = [point for point, certain in zip(pose.points, pose.certain(), strict=True) if certain]
    if not points:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return min(xs), min(ys), max(xs), max(ys)


def _is_proper(box: Box) -> bool:
    return all(map(math.isfinite, box)) and box[2] > box[0] and box[3] > box[1]
