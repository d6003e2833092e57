"""The outlines of the eight classes, in units of the object's radius, around the origin."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Outline = list[NDArray[np.float64]]
"""Closed contours, each (points, 2) with x and y. By the even-odd rule the second one is a hole."""


def _arc(radius: float, start: float, stop: float, points: int = 40) -> NDArray[np.float64]:
    angles = np.linspace(start, stop, points, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _polygon(corners: int) -> Outline:
    return [_arc(1.0, 0.0, 2 * math.pi, corners)]


def _disc() -> Outline:
    return [_arc(1.0, 0.0, 2 * math.pi)]


def _ring() -> Outline:
    return [_arc(1.0, 0.0, 2 * math.pi), _arc(0.55, 0.0, 2 * math.pi)]


def _star() -> Outline:
    points = _arc(1.0, 0.0, 2 * math.pi, 10)
    points[1::2] *= 0.42
    return [points]


def _cross() -> Outline:
    a, b = 0.32, 0.95
    corners = [(a, b), (a, a), (b, a), (b, -a), (a, -a), (a, -b), (-a, -b), (-a, -a), (-b, -a), (-b, a), (-a, a)]
    return [np.array([*corners, (-a, b)])]


def _crescent() -> Outline:
    """Return a unit disc without another disc of radius r at distance d: two arcs that meet where the circles cross."""
    r, d = 0.85, 0.5
    x = (1 - r * r + d * d) / (2 * d)
    outer_angle = math.acos(x)
    inner_angle = math.atan2(math.sqrt(1 - x * x), x - d)
    outer = _arc(1.0, outer_angle, 2 * math.pi - outer_angle)
    inner = _arc(r, 2 * math.pi - inner_angle, inner_angle) + np.array([d, 0.0])
    return [np.concatenate([outer, inner]) + np.array([0.35, 0.0])]


_OUTLINES: dict[str, Callable[[], Outline]] = {
    "crescent": _crescent,
    "cross": _cross,
    "disc": _disc,
    "hexagon": lambda: _polygon(6),
    "ring": _ring,
    "square": lambda: _polygon(4),
    "star": _star,
    "triangle": lambda: _polygon(3),
}

CLASSES: tuple[str, ...] = tuple(_OUTLINES)
"""The classes in alphabetical order, in which the classes of an image folder are numbered."""


def outline(label: str) -> Outline:
    """Return the contours of a class. All points lie within a distance of 1.4 of the origin."""
    return _OUTLINES[label]()
