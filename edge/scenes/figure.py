"""An upright stick figure with five named keypoints, for pose networks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image
from edge.scenes.drawing import add_camera, add_clutter, palettes
from edge.scenes.textures import textured

NAMES = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
"""Left and right as the figure has them, which faces the viewer: its left hand is on the picture's right."""

EDGES = ((0, 1), (0, 2), (0, 3), (0, 4))
"""Pairs of keypoints that a drawing joins."""

Points = NDArray[np.float32]

_SHIFT = 4


@dataclass(frozen=True)
class Figure:
    """One drawn figure.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        points: (5, 2) float32, x and y of ``NAMES`` in pixels, all inside the picture.
        box: x0, y0, x1, y1 around the figure, in pixels.
    """

    image: Image
    points: Points
    box: tuple[float, float, float, float]


def figure(rng: np.random.Generator, size: int) -> Figure:
    """Draw one figure on a textured background, ``size`` x ``size`` pixels (at least 16); light on dark."""
    back, front = palettes(rng)
    canvas = textured(rng, size, size, *back)
    add_clutter(rng, canvas)
    joints, radius = _pose(rng, size)
    alpha = _coverage(joints, radius, size)
    fill = textured(rng, size, size, *front)
    canvas += (fill - canvas) * (alpha[..., None].astype(np.float32) / np.float32(255))
    points = np.array([joints[name] for name in NAMES], np.float32)
    low, high = points.min(0) - radius, points.max(0) + radius
    x0, y0, x1, y1 = np.clip([*low, *high], 0, size).tolist()
    return Figure(add_camera(rng, canvas), points, (x0, y0, x1, y1))


def _pose(rng: np.random.Generator, size: int) -> tuple[dict[str, Points], float]:
    """Return each joint's place in pixels and the head's radius."""
    scale = rng.uniform(0.75, 1.0)
    neck = np.array([rng.uniform(0.42, 0.58), rng.uniform(0.24, 0.3) + 0.25 * (1 - scale)])
    hip = neck + scale * np.array([rng.uniform(-0.03, 0.03), 0.25])
    radius = 0.085 * scale
    places = {"neck": neck, "hip": hip, "head": neck - [rng.uniform(-0.02, 0.02), 0.07 * scale]}
    # Angles are counted from straight down, outwards; the figure's left is on the picture's right.
    for side, sign in (("left", 1), ("right", -1)):
        arm, leg = rng.uniform(0.4, 2.6), rng.uniform(0.15, 0.7)
        places[f"{side}_hand"] = neck + scale * np.array([sign * 0.27 * np.sin(arm), 0.05 + 0.27 * np.cos(arm)])
        places[f"{side}_foot"] = hip + scale * np.array([sign * 0.3 * np.sin(leg), 0.3 * np.cos(leg)])
    return {name: np.asarray(place * size, np.float32) for name, place in places.items()}, float(radius * size)


def _coverage(joints: dict[str, Points], radius: float, size: int) -> NDArray[np.uint8]:
    """Return (size, size) uint8: how much of each pixel the figure covers."""
    alpha = np.zeros((size, size), np.uint8)
    limbs = [
        ("neck", "hip"),
        ("neck", "left_hand"),
        ("neck", "right_hand"),
        ("hip", "left_foot"),
        ("hip", "right_foot"),
    ]
    for start, stop in limbs:
        ends = (_fixed(joints[start]), _fixed(joints[stop]))
        cv2.line(alpha, *ends, (255,), max(1, round(0.55 * radius)), cv2.LINE_AA, _SHIFT)
    dots = {"head": radius, **dict.fromkeys(NAMES[1:], 0.5 * radius)}
    for name, wide in dots.items():
        cv2.circle(alpha, _fixed(joints[name]), round(wide * (1 << _SHIFT)), (255,), -1, cv2.LINE_AA, _SHIFT)
    return alpha


def _fixed(point: Points) -> tuple[int, int]:
    """Return OpenCV's fixed-point coordinates."""
    x, y = np.round(point * (1 << _SHIFT)).astype(int).tolist()
    return x, y
