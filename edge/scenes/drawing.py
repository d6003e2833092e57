"""One drawn scene: a background, an object, and what a camera adds to them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import unknown_name
from edge.imaging import Image
from edge.results import Box
from edge.scenes.outlines import CLASSES, outline
from edge.scenes.textures import textured

Colour = NDArray[np.float32]
Points = list[NDArray[np.float64]]

MIN_CONTRAST = 110.0
"""The least distance between the mean colours of object and background; from black to white it is 442."""

MAX_TILT = 0.3
"""The largest tilt of an object to either side, in radians."""

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Scene:
    """A drawn picture and what it shows.

    Attributes:
        image: (height, width, 3) uint8 BGR.
        label: one of CLASSES.
        box: x0, y0, x1, y1 around the object's visible pixels, in pixels.
        mask: (height, width) bool, True for the object's visible pixels.
    """

    image: Image
    label: str
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Pose:
    """Where the object is.

    Attributes:
        centre: x and y in pixels.
        radius: in pixels.
        angle: clockwise from upright, in radians.
        stretch: width divided by height.
    """

    centre: tuple[float, float]
    radius: float
    angle: float
    stretch: float


def draw(rng: np.random.Generator, label: str, size: int) -> Scene:
    """Draw one object on a random background. The same state of the generator gives the same scene.

    The object's radius is 0.3 to 0.44 of the size. Up to a tenth of the object may lie outside the picture or behind a
    bar.

    Args:
        rng: the generator that everything is drawn from.
        label: the object's class, one of CLASSES.
        size: width and height of the picture in pixels, at least 16.

    Raises:
        InputError: the class is unknown.
    """
    if label not in CLASSES:
        raise unknown_name("scene class", label, CLASSES)
    back, front = palettes(rng)
    canvas = textured(rng, size, size, *back)
    add_clutter(rng, canvas)
    pose = _pose(rng, size)
    alpha = coverage(label, pose, size, size)
    fill = textured(rng, size, size, *front)
    canvas += (fill - canvas) * (alpha[..., None].astype(np.float32) / np.float32(255))
    if rng.random() < 0.2:
        _occlude(rng, canvas, alpha, pose)
    mask = alpha > 127
    return Scene(add_camera(rng, canvas), label, bounds(mask), mask)


def palettes(rng: np.random.Generator) -> tuple[tuple[Colour, Colour], tuple[Colour, Colour]]:
    """Return two colours for the background and two for the object, far enough apart to be told from each other.

    The object is always the lighter one, so that a small network learns the shapes in a minute or two.
    """
    while True:
        colours = np.concatenate([rng.uniform(10, 130, (2, 3)), rng.uniform(125, 245, (2, 3))]).astype(np.float32)
        colours[1] += (colours[0] - colours[1]) * np.float32(0.75)
        colours[3] += (colours[2] - colours[3]) * np.float32(0.75)
        if float(np.linalg.norm(colours[:2].mean(0) - colours[2:].mean(0))) >= MIN_CONTRAST:
            return (colours[0], colours[1]), (colours[2], colours[3])


def coverage(label: str, pose: Pose, height: int, width: int) -> NDArray[np.uint8]:
    """Return how much of each pixel the object covers, (height, width) uint8 from 0 to 255."""
    cosine, sine = np.cos(pose.angle), np.sin(pose.angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    scale = pose.radius * np.array([pose.stretch**0.5, pose.stretch**-0.5])
    points: Points = [contour @ turn.T * scale + pose.centre for contour in outline(label)]
    alpha = np.zeros((height, width), np.uint8)
    fixed = [np.round(p * (1 << _SUBPIXEL_BITS)).astype(np.int32) for p in points]
    cv2.fillPoly(alpha, fixed, (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
    return alpha


def bounds(mask: NDArray[np.bool_]) -> Box:
    """Return the box x0, y0, x1, y1 around the true pixels of ``mask``; zeros when there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def _pose(rng: np.random.Generator, size: int) -> Pose:
    radius = size * rng.uniform(0.3, 0.44)
    reach = 0.9 * radius
    x, y = rng.uniform(reach, size - reach, 2)
    tilt, stretch = rng.uniform(-MAX_TILT, MAX_TILT), float(np.exp(rng.uniform(-0.3, 0.3)))
    return Pose((float(x), float(y)), float(radius), float(tilt), stretch)


def add_clutter(rng: np.random.Generator, canvas: NDArray[np.float32]) -> None:
    """Draw up to two thin lines behind the object, as edges that belong to no class."""
    size = canvas.shape[0]
    for _ in range(int(rng.integers(0, 3))):
        start, stop = rng.integers(0, size, (2, 2)).tolist()
        colour = rng.uniform(0, 255, 3).tolist()
        cv2.line(canvas, start, stop, colour, max(1, size // 48), cv2.LINE_AA)


def _occlude(rng: np.random.Generator, canvas: NDArray[np.float32], alpha: NDArray[np.uint8], pose: Pose) -> None:
    """Draw a thin bar over the object, and clear ``alpha`` where it hides the object."""
    angle, reach = rng.uniform(0, np.pi), 2.0 * pose.radius
    offset = rng.uniform(-0.5, 0.5, 2) * pose.radius + pose.centre
    along = np.array([np.cos(angle), np.sin(angle)]) * reach
    start, stop = (np.round(offset + s * along).astype(int).tolist() for s in (-1, 1))
    thickness = max(1, round(0.12 * pose.radius))
    cv2.line(canvas, start, stop, rng.uniform(0, 255, 3).tolist(), thickness)
    cv2.line(alpha, start, stop, (0,), thickness)


def add_camera(rng: np.random.Generator, canvas: NDArray[np.float32]) -> Image:
    """Add uneven light, a little blur and sensor noise, and return uint8."""
    height, width = canvas.shape[:2]
    corners = rng.uniform(0.65, 1.2, (2, 2)).astype(np.float32)
    canvas *= cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    if rng.random() < 0.3:
        canvas = cv2.GaussianBlur(canvas, (3, 3), 0)
    canvas += rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(rng.uniform(1, 9))
    return np.clip(canvas, 0, 255).astype(np.uint8)
