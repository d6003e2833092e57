"""``Cascade`` runs a second network on the objects that the first one found, such as a classifier on each animal.

detector, classifier = open_session("animals.edge"), open_session("breeds.edge")
look_closer = Cascade(classifier, CascadeOptions(labels=("dog", "cat"), margin=0.1), first=detector)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edge import tasks
from edge.errors import BrokenOutput, InputError
from edge.fitting import Image
from edge.frames import Frame
from edge.imaging import Prepared
from edge.results import Box, Mask, Point, Pose, Prediction, Result
from edge.signature import Signature, describe
from edge.stages.base import Region


class Network(Protocol):
    """The second network. ``edge.session.Session`` is one, and so is each network of the loop."""

    @property
    def signature(self) -> Signature: ...

    @property
    def preprocess(self) -> Callable[[Image], Prepared] | None: ...

    def infer(self, prepared: Prepared) -> Result: ...


@dataclass(frozen=True)
class CascadeOptions:
    """Which objects the second network gets, and how much around them.

    Attributes:
        labels: the labels of the objects. None takes every label.
        min_score: the least score of an object, from 0 to 1.
        margin: how much is added on each side of the box, as a fraction of its width or height, from 0 to 2.
        max_boxes: the most objects of a frame, the best first.
        min_side: the least width and height of a box within the frame, in pixels. Smaller objects show nothing.
    """

    labels: tuple[str, ...] | None = None
    min_score: float = 0.0
    margin: float = 0.0
    max_boxes: int = 4
    min_side: int = 16

    def __post_init__(self) -> None:
        """Raise InputError for a value that is not allowed."""
        if self.labels is not None and not self.labels:
            raise InputError("labels must name at least one label, or be left out for every label")
        for name, low, high in (
            ("min_score", 0, 1),
            ("margin", 0, 2),
            ("max_boxes", 1, 1000),
            ("min_side", 1, 100_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} must be from {low} to {high}, got {getattr(self, name)}")


DEFAULT = CascadeOptions()


class Cascade:
    """A stage that sets ``Prediction.nested``, with boxes, points and masks in pixels of the whole frame."""

    def __init__(
        self,
        network: Network,
        options: CascadeOptions = DEFAULT,
        first: Network | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Check that the two networks fit each other.

        Args:
            network: the second network. The caller closes it.
            options: which objects it gets.
            first: the network that finds the objects. None leaves it unchecked.
            labels: the labels of the first network, to check those of the options. None leaves them unchecked.

        Raises:
            InputError: the second network does not take one image, the first finds no boxes, or a label is unknown.
        """
        name = first.signature.task.name if first is not None else ""
        if first is not None and not getattr(tasks.load(name), "gives_boxes", False):
            raise InputError(f"a second network looks at boxes, and the first is of task {name}, which gives none")
        if network.preprocess is None or network.signature.image is None or len(network.signature.image.shape) == 5:
            raise InputError(
                "a second network must take one image, the box of an object; it takes "
                f"{describe(network.signature.inputs)}"
            )
        unknown = sorted(set(options.labels or ()) - set(labels)) if labels is not None else []
        if unknown:
            raise InputError(f"label {unknown[0]!r} is none of the first network: {', '.join(labels or ())[:300]}")
        self._network, self._preprocess, self._options = network, network.preprocess, options

    def __call__(self, frame: Frame, result: Result) -> Result:
        """See Stage. An object whose second result is broken gets one that states the fault."""
        regions = list(self._regions(frame, result.predictions))
        if not any(regions):
            return result
        rows = zip(result.predictions, regions, strict=True)
        found = (one if region is None else replace(one, nested=self._look(frame, region)) for one, region in rows)
        return replace(result, predictions=tuple(found))

    def _regions(self, frame: Frame, predictions: Sequence[Prediction]) -> list[Region | None]:
        """Return for each object the part of the frame that the second network gets, or None."""
        left, out = self._options.max_boxes, []
        for one in predictions:
            region = self._region(frame.size, one) if left else None
            left -= region is not None
            out.append(region)
        return out

    def _region(self, size: tuple[int, int], one: Prediction) -> Region | None:
        options = self._options
        wanted = options.labels is None or one.label in options.labels
        if one.box is None or not wanted or one.score < options.min_score or not all(map(math.isfinite, one.box)):
            return None
        x0, y0, x1, y1 = one.box
        if min(min(x1, size[0]) - max(x0, 0), min(y1, size[1]) - max(y0, 0)) < options.min_side:  # what is visible
            return None
        dx, dy = options.margin * (x1 - x0), options.margin * (y1 - y0)
        low = (max(0, math.floor(x0 - dx)), max(0, math.floor(y0 - dy)))
        high = (min(size[0], math.ceil(x1 + dx)), min(size[1], math.ceil(y1 + dy)))
        return (*low, *high) if low[0] < high[0] and low[1] < high[1] else None

    def _look(self, frame: Frame, region: Region) -> Result:
        x0, y0, x1, y1 = region
        try:
            found = self._network.infer(self._preprocess(frame.bgr[y0:y1, x0:x1]))
        except BrokenOutput as error:
            return Result(self._network.signature.task.name, fault=str(error))
        return moved(found, (x0, y0), frame.size)


def moved(result: Result, by: tuple[int, int], size: tuple[int, int]) -> Result:
    """Return the result for a part of a frame as one for the whole frame.

    Args:
        result: its places are in pixels of the part.
        by: x and y of the part's upper left corner in the frame, in pixels.
        size: width and height of the frame.
    """
    predictions = tuple(
        replace(
            one,
            box=_box(one.box, by),
            points=_points(one.points, by),
            nested=None if one.nested is None else moved(one.nested, by, size),
        )
        for one in result.predictions
    )
    poses = tuple(_pose(pose, by) for pose in result.poses)
    mask = None if result.mask is None else _mask(result.mask, by, size)
    return replace(result, predictions=predictions, poses=poses, mask=mask)


def _box(box: Box | None, by: tuple[int, int]) -> Box | None:
    return None if box is None else (box[0] + by[0], box[1] + by[1], box[2] + by[0], box[3] + by[1])


def _points(points: Sequence[Point], by: tuple[int, int]) -> tuple[Point, ...]:
    return tuple((x + by[0], y + by[1], score) for x, y, score in points)


def _pose(pose: Pose, by: tuple[int, int]) -> Pose:
    return replace(pose, points=_points(pose.points, by), box=_box(pose.box, by))


def _mask(mask: Mask, by: tuple[int, int], size: tuple[int, int]) -> Mask:
    """Return the mask in the whole frame, whose other pixels are unknown."""
    whole = np.full((size[1], size[0]), mask.unknown, mask.classes.dtype)
    height, width = mask.classes.shape
    whole[by[1] : by[1] + height, by[0] : by[0] + width] = mask.classes
    return Mask(whole, mask.labels)
