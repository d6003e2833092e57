"""Drawn clips whose class is a motion: no single frame tells it, and a mirror image has the same class."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from edge.files import replaced
from edge.imaging import Image
from edge.scenes import writing
from edge.scenes.drawing import Pose, coverage, palettes
from edge.scenes.multi_object_scene import CLASSES
from edge.scenes.textures import textured
from edge.video import Writer

Path2D = Callable[[float], tuple[float, float, float]]
"""Of the time, 0 to 1: x and y of the object's centre and its radius, in shares of the picture's side."""

FPS = 10.0


def _across(rng: np.random.Generator) -> Path2D:
    y, sign, r = rng.uniform(0.3, 0.7), rng.choice([-1, 1]), rng.uniform(0.13, 0.2)
    return lambda t: (0.5 + sign * 0.32 * (2 * t - 1), y, r)


def _up_or_down(sign: int) -> Callable[[np.random.Generator], Path2D]:
    def motion(rng: np.random.Generator) -> Path2D:
        x, r = rng.uniform(0.3, 0.7), rng.uniform(0.13, 0.2)
        return lambda t: (x, 0.5 + sign * 0.32 * (2 * t - 1), r)

    return motion


def _larger_or_smaller(first: float, last: float) -> Callable[[np.random.Generator], Path2D]:
    def motion(rng: np.random.Generator) -> Path2D:
        x, y = rng.uniform(0.35, 0.65, 2)
        return lambda t: (x, y, first + (last - first) * t)

    return motion


def _still(rng: np.random.Generator) -> Path2D:
    x, y = rng.uniform(0.3, 0.7, 2)
    r = rng.uniform(0.1, 0.28)
    return lambda t: (x, y, r)


MOTIONS: dict[str, Callable[[np.random.Generator], Path2D]] = {
    "across": _across,
    "fall": _up_or_down(1),
    "grow": _larger_or_smaller(0.08, 0.3),
    "rise": _up_or_down(-1),
    "shrink": _larger_or_smaller(0.3, 0.08),
    "still": _still,
}
"""In alphabetical order, as classes are numbered."""


def motion(rng: np.random.Generator, label: str, frames: int, size: int) -> Iterator[Image]:
    """Yield ``frames`` pictures, (size, size, 3) uint8 BGR, of an object that moves as ``label`` says."""
    back, front = palettes(rng)
    background = textured(rng, size, size, *back)
    fill = textured(rng, size, size, *front)
    shape, path = str(rng.choice(list(CLASSES))), MOTIONS[label](rng)
    for step in range(frames):
        x, y, radius = path(step / max(1, frames - 1))
        alpha = coverage(shape, Pose((x * size, y * size), radius * size, 0.0, 1.0), size, size)
        picture = background + (fill - background) * (alpha[..., None].astype(np.float32) / np.float32(255))
        picture += rng.normal(0, 3, picture.shape).astype(np.float32)
        yield np.clip(picture, 0, 255).astype(np.uint8)


def write_clips(
    folder: Path, train: int = 100, test: int = 20, frames: int = 16, size: int = 64, seed: int = 0
) -> None:
    """Write ``<split>/<motion>/NNNN.avi`` (Motion JPEG), complete or not at all.

    Args:
        folder: where to write the set. A folder that exists is replaced.
        train: clips of each class to train on.
        test: clips of each class to report on.
        frames: of a clip.
        size: width and height of a frame in pixels.
        seed: another seed, another set.

    Raises:
        InputError: a count is below 1 or the size below 16.
        FileError: the folder cannot be written.
    """
    writing.check("a drawn set of clips", size, train=train, test=test, frames=frames)
    with replaced(folder) as temporary:
        for split, count, rng in writing.splits(train, test, seed):
            for label in MOTIONS:
                (temporary / split / label).mkdir(parents=True)
                for number in range(count):
                    path = temporary / split / label / f"{number:04d}.avi"
                    with Writer(path, (size, size), FPS) as writer:
                        for image in motion(rng, label, frames, size):
                            writer.write(image)
