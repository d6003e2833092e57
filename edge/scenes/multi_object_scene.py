"""A scene of several objects that do not overlap, for the training of detectors and segmenters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image
from edge.results import Box
from edge.scenes.drawing import MAX_TILT, Pose, add_camera, add_clutter, bounds, coverage, palettes
from edge.scenes.textures import textured

CLASSES = ("disc", "star", "triangle")
"""Three outlines that differ at any size, in alphabetical order, in which classes are numbered."""

RADII = (0.09, 0.2)
"""The smallest and the largest radius of an object, as fractions of the picture's side."""

TRIES = 20
"""The number of places that are tried for an object. When none is free, the object is left out."""


@dataclass(frozen=True)
class PlacedObject:
    """One object of a scene.

    Attributes:
        label: the class name.
        box: x0, y0, x1, y1 around the object in pixels.
        mask: (height, width) bool, True for the object's pixels.
    """

    label: str
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class MultiObjectScene:
    """A scene of several objects.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        objects: one or more objects, whose boxes do not overlap.
    """

    image: Image
    objects: tuple[PlacedObject, ...]


def compose(rng: np.random.Generator, size: int, classes: Sequence[str] = CLASSES, most: int = 3) -> MultiObjectScene:
    """Draw objects of random classes on a textured background.

    Args:
        rng: the generator that everything is drawn from.
        size: width and height of the picture in pixels, at least 16.
        classes: the classes to choose from.
        most: the largest number of objects.
    """
    back, front = palettes(rng)
    canvas = textured(rng, size, size, *back)
    add_clutter(rng, canvas)
    objects: list[PlacedObject] = []
    for _ in range(int(rng.integers(1, most + 1))):
        label = str(rng.choice(list(classes)))
        alpha = _free_place(rng, label, size, objects)
        if alpha is None:
            continue
        fill = textured(rng, size, size, *front)
        canvas += (fill - canvas) * (alpha[..., None].astype(np.float32) / np.float32(255))
        mask = alpha > 127
        objects.append(PlacedObject(label, bounds(mask), mask))
    return MultiObjectScene(add_camera(rng, canvas), tuple(objects))


def _free_place(
    rng: np.random.Generator, label: str, size: int, objects: Sequence[PlacedObject]
) -> NDArray[np.uint8] | None:
    """Return the coverage of an object that overlaps no other object's box, or None when no place was found."""
    for _ in range(TRIES):
        radius = size * rng.uniform(*RADII)
        x, y = rng.uniform(radius, size - radius, 2)
        pose = Pose((float(x), float(y)), float(radius), float(rng.uniform(-MAX_TILT, MAX_TILT)), 1.0)
        alpha = coverage(label, pose, size, size)
        if not any(_overlap(bounds(alpha > 0), other.box) for other in objects):
            return alpha
    return None


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]
