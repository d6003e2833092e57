"""An upright stick figure with five named keypoints, for pose networks."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.imaging import Image
from edge.scenes.drawing import add_camera, add_clutter, palettes
from edge.scenes.textures import textured

NAMES = ("head", "left_hand", "right_hand", "left_foot", "right_foot")
"""The names of the keypoints. The figure faces the viewer, so that its left hand is on the right of the picture."""

EDGES = ((0, 1), (0, 2), (0, 3), (0, 4))
"""Pairs of keypoint indices that a drawing joins with a line."""

SCALES = (0.5, 0.75)
"""The smallest and the largest scale of a figure. At scale 1, a figure is about 0.8 of the picture high.

Figures stand anywhere in the picture, and these scales leave room for that. Otherwise a network could find many
keypoints with the same answer for every picture; a test measures how many such an answer finds.
"""

Points = NDArray[np.float32]

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Figure:
    """One drawn figure.

    Attributes:
        image: (size, size, 3) uint8 BGR.
        points: (5, 2) float32, x and y of ``NAMES`` in pixels. All lie inside the picture.
        box: x0, y0, x1, y1 around the figure in pixels.
    """

    image: Image
    points: Points
    box: tuple[float, float, float, float]


def figure(rng: np.random.Generator, size: int) -> Figure:
    """Draw one light figure at a random place on a dark textured background.

    Args:
        rng: the generator that everything is drawn from.
        size: width and height of the picture in pixels, at least 16.
    """
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
    """Return the place of each joint, x and y in pixels, and the radius of the head in pixels."""
    scale = rng.uniform(*SCALES)
    hip = np.array([rng.uniform(-0.03, 0.03), 0.25])
    places = {"neck": np.zeros(2), "hip": hip, "head": np.array([rng.uniform(-0.02, 0.02), -0.07])}
    # Angles are counted outwards from straight down. The left side of the figure is on the right of the picture.
    for side, sign in (("left", 1), ("right", -1)):
        arm, leg = rng.uniform(0.4, 2.6), rng.uniform(0.15, 0.7)
        places[f"{side}_hand"] = np.array([sign * 0.27 * np.sin(arm), 0.05 + 0.27 * np.cos(arm)])
        places[f"{side}_foot"] = hip + 0.3 * np.array([sign * np.sin(leg), np.cos(leg)])
    radius = 0.085 * scale
    joints = scale * np.array(list(places.values()))
    low, high = joints.min(axis=0) - radius, joints.max(axis=0) + radius
    joints += rng.uniform(-low, 1 - high)  # the whole figure lies inside the picture
    return dict(zip(places, np.asarray(joints * size, np.float32), strict=True)), float(radius * size)


def _coverage(joints: dict[str, Points], radius: float, size: int) -> NDArray[np.uint8]:
    """Return how much of each pixel the figure covers, (size, size) uint8 from 0 to 255."""
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
        cv2.line(alpha, *ends, (255,), max(1, round(0.55 * radius)), cv2.LINE_AA, _SUBPIXEL_BITS)
    dots = {"head": radius, **dict.fromkeys(NAMES[1:], 0.5 * radius)}
    for name, dot_radius in dots.items():
        fixed_radius = round(dot_radius * (1 << _SUBPIXEL_BITS))
        cv2.circle(alpha, _fixed(joints[name]), fixed_radius, (255,), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    return alpha


def _fixed(point: Points) -> tuple[int, int]:
    """Return a point in OpenCV's fixed-point coordinates."""
    x, y = np.round(point * (1 << _SUBPIXEL_BITS)).astype(int).tolist()
    return x, y
