"""A drawn microscope picture for the released detector of blood cells: discs that drift over a pale ground."""

from collections.abc import Iterator

import cv2
import numpy as np

RED, WHITE = "red", "white"
SIZE = (640, 480)


def cells(
    size: tuple[int, int] = SIZE, seed: int = 3, reds: int = 9, whites: int = 2, noise: int = 4
) -> Iterator[np.ndarray]:
    """Yield pictures (height, width, 3) uint8 BGR without end, in which cells drift slowly and turn at the borders."""
    rng = np.random.default_rng(seed)
    width, height = size
    ground = _ground(rng, size)
    radii = np.concatenate([rng.uniform(44, 54, reds), rng.uniform(58, 68, whites)])
    at = _spread(rng, radii, size)
    speed = rng.uniform(-1.4, 1.4, (len(radii), 2))
    shapes = [_blob(rng) for _ in range(whites)]
    while True:
        picture = ground.copy()
        for place, radius in zip(at[:reds], radii, strict=False):
            _red_cell(picture, place, radius)
        for place, radius, shape in zip(at[reds:], radii[reds:], shapes, strict=True):
            _white_cell(picture, place, radius, shape)
        picture = cv2.GaussianBlur(picture, (0, 0), 1.1)
        grain = rng.integers(-noise, noise + 1, picture.shape)
        yield np.clip(picture + grain, 0, 255).astype(np.uint8)
        at += speed
        for axis, most in enumerate((width, height)):
            out = (at[:, axis] < radii) | (at[:, axis] > most - radii)
            speed[out, axis] *= -1
            at[:, axis] = np.clip(at[:, axis], radii, most - radii)


def _ground(rng, size):
    shade = cv2.resize(rng.uniform(-6, 6, (6, 8, 1)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.clip(np.array([222, 214, 226], np.float32) + shade[..., None], 0, 255).astype(np.uint8)


def _spread(rng, radii, size):
    """Return centres that lie apart, as far as 2000 tries allow."""
    placed = []
    for radius in radii:
        tries = rng.uniform((radius, radius), (size[0] - radius, size[1] - radius), (2000, 2))
        gaps = [min((np.hypot(*(one - other)) for other in placed), default=1e9) for one in tries[:200]]
        placed.append(tries[int(np.argmax(gaps))])
    return np.array(placed)


def _red_cell(picture, place, radius):
    centre = tuple(int(v * 16) for v in place)
    for part, colour in (
        (1.0, (150, 140, 196)),
        (0.92, (166, 158, 208)),
        (0.5, (188, 182, 219)),
        (0.3, (206, 200, 226)),
    ):
        cv2.circle(picture, centre, int(radius * part * 16), colour, cv2.FILLED, cv2.LINE_AA, 4)


def _blob(rng):
    return [(rng.uniform(-0.3, 0.3, 2), rng.uniform(0.32, 0.5)) for _ in range(4)]


def _white_cell(picture, place, radius, shape):
    centre = tuple(int(v * 16) for v in place)
    cv2.circle(picture, centre, int(radius * 16), (196, 172, 190), cv2.FILLED, cv2.LINE_AA, 4)
    for offset, size in shape:
        inner = tuple(int(v * 16) for v in place + offset * radius)
        cv2.circle(picture, inner, int(radius * size * 16), (142, 58, 104), cv2.FILLED, cv2.LINE_AA, 4)
