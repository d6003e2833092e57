"""Clips: one large object at a time crosses a textured background."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.files import replaced
from edge.imaging import Image
from edge.results import Box
from edge.scenes.drawing import MAX_TILT, Pose, Scene, bounds, coverage, palettes
from edge.scenes.outlines import CLASSES
from edge.scenes.textures import textured
from edge.video import Writer

SECONDS_PER_OBJECT = 1.0


@dataclass(frozen=True)
class Shown:
    """What one frame of a clip shows.

    Attributes:
        label: the object's class.
        box: x0, y0, x1, y1 around the object, in pixels.
    """

    label: str
    box: Box


def moving(size: tuple[int, int] = (1280, 720), fps: float = 30.0, seed: int = 0) -> Iterator[Scene]:
    """Yield frames without end. Every second another object crosses another background.

    Each class is shown once before any is shown again. The object is wide enough to be recognized when the whole frame
    is squeezed into a square input.

    Args:
        size: width and height in pixels.
        fps: frames per second.
        seed: the same seed always gives the same frames.
    """
    rng = np.random.default_rng(seed)
    frames = max(1, round(SECONDS_PER_OBJECT * fps))
    while True:
        for label in rng.permutation(CLASSES):
            yield from _crossing(rng, str(label), size, frames)


def write_clip(
    path: Path, frames: int, size: tuple[int, int] = (1280, 720), fps: float = 30.0, seed: int = 0
) -> list[Shown]:
    """Write frames of ``moving`` as a video, complete or not at all, and return what each of them shows.

    Args:
        path: the file, ``.avi`` (Motion JPEG) or ``.mp4`` (MPEG-4).
        frames: the number of frames.
        size: width and height in pixels.
        fps: frames per second.
        seed: the same seed always gives the same frames.

    Raises:
        InputError: the file has another suffix.
        FileError: the file cannot be written.
    """
    shown = []
    with replaced(path) as temporary, Writer(temporary, size, fps, path) as writer:
        for scene in itertools.islice(moving(size, fps, seed), frames):
            writer.write(scene.image)
            shown.append(Shown(scene.label, scene.box))
    return shown


def _crossing(rng: np.random.Generator, label: str, size: tuple[int, int], frames: int) -> Iterator[Scene]:
    width, height = size
    margin = max(2, height // 12)
    back, front = palettes(rng)
    background = textured(rng, height, width + margin, *back).astype(np.uint8)
    fill = textured(rng, height, width, *front)
    noise = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    start, stop = rng.uniform(-MAX_TILT, MAX_TILT, 2)
    for step in range(frames):
        progress = (step + 0.5) / frames
        offset = int(progress * margin)
        image = background[:, offset : offset + width].copy()
        mask = _place(image, fill, label, _path(progress, size, start + (stop - start) * progress))
        yield Scene(_noisy(image, noise, step), label, bounds(mask), mask)


def _path(progress: float, size: tuple[int, int], angle: float) -> Pose:
    """Return the object's pose at ``progress`` from 0 to 1: it moves from left to right along a low arch.

    Its stretch is the square root of the frame's, half-way between a square and the frame.
    """
    width, height = size
    stretch = (width / height) ** 0.5
    x = width * (0.32 + 0.36 * progress)
    y = height * (0.5 + 0.06 * float(np.sin(np.pi * progress)))
    return Pose((x, y), 0.36 * height * stretch**0.5, angle, stretch)


def _place(image: Image, fill: NDArray[np.float32], label: str, pose: Pose) -> NDArray[np.bool_]:
    """Blend the object into ``image``, which changes only the pixels of its box, and return its mask."""
    alpha = coverage(label, pose, *image.shape[:2])
    x0, y0, x1, y1 = (int(v) for v in bounds(alpha > 0))
    under = image[y0:y1, x0:x1].astype(np.float32)
    weight = alpha[y0:y1, x0:x1, None].astype(np.float32) / np.float32(255)
    image[y0:y1, x0:x1] = (under + (fill[y0:y1, x0:x1] - under) * weight).astype(np.uint8)
    mask: NDArray[np.bool_] = alpha > 127
    return mask


def _noisy(image: Image, noise: NDArray[np.int16], step: int) -> Image:
    """Add the sensor's noise, shifted by a prime number of rows each frame so that it does not stand still."""
    shifted = np.roll(noise, (step * 31) % noise.shape[0], axis=0)
    out: Image = np.clip(image + shifted, 0, 255).astype(np.uint8)
    return out
