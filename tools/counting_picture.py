"""The picture of docs/counting.md: drawn walkers, tracked and counted at a line and in a zone.

    python -m tools.counting_picture --out docs/results/counting.png

The walkers are drawn, and a detector's answers are made from the truth with errors and misses. Tracker, counting and
overlay are those of the camera loop.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.control import EVERY_SOURCE, Control, Settings
from edge.files import replaced
from edge.frames import Frame
from edge.imaging import Image
from edge.places import Line, Zone
from edge.results import Prediction, Result
from edge.scenes.textures import textured
from edge.sinks.overlay import annotated
from edge.stages.counting import Counter
from edge.stages.tracker import Tracker

SIZE = (960, 540)
FPS = 15.0
FRAMES = 150
WALKERS = 7
MISSED = 0.08
"""The share of the walkers that the detector does not find in a frame."""

SHAPES = (
    Line("gate", ((0.5, 0.98), (0.5, 0.3)), ("person",)),
    Zone("queue", ((0.06, 0.55), (0.4, 0.55), (0.36, 0.97), (0.02, 0.97)), dwell=3.0),
)


def walkers(seed: int = 7) -> Iterator[tuple[Image, list[Prediction]]]:
    """Yield each frame, (height, width, 3) uint8 BGR, with what a detector finds in it."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    stone, lighter = (np.asarray(colour, np.float32) for colour in ((118, 128, 122), (132, 140, 138)))
    ground = textured(rng, height, width, stone, lighter).astype(np.uint8)
    side = rng.choice([-1, 1], WALKERS)
    start = np.where(side > 0, rng.uniform(-0.1, 0.4, WALKERS), rng.uniform(0.6, 1.1, WALKERS)) * width
    speed = side * rng.uniform(1.5, 4.5, WALKERS)
    feet = np.sort(rng.uniform(0.5, 0.97, WALKERS)) * height  # who is nearer is drawn later
    coats = rng.integers(30, 200, (WALKERS, 3))
    for step in itertools.count():
        image = ground.copy()
        found = []
        for x, y, coat in zip(start + speed * step, feet, coats, strict=True):
            box = _walker(image, float(x), float(y), [int(value) for value in coat], step)
            if rng.random() > MISSED and box[0] > 0 and box[2] < width:
                x0, y0, x1, y1 = np.asarray(box) + rng.normal(0, 2, 4)
                found.append(Prediction("person", float(rng.uniform(0.6, 0.95)), 0, (x0, y0, x1, y1)))
        yield image, found


def _walker(image: Image, x: float, y: float, coat: list[int], step: int) -> tuple[float, float, float, float]:
    """Draw a person whose feet are at x, y, and return the box."""
    tall = 0.42 * y
    head, hip = y - 0.9 * tall, y - 0.45 * tall
    stride = 0.12 * tall * float(np.sin(step / 2 + x / 40))
    for foot in (x - stride, x + stride):
        cv2.line(image, (round(x), round(hip)), (round(foot), round(y)), (50, 45, 40), round(0.08 * tall), cv2.LINE_AA)
    body = (round(0.13 * tall), round(0.25 * tall))
    cv2.ellipse(image, (round(x), round(y - 0.62 * tall)), body, 0, 0, 360, coat, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, (round(x), round(head)), round(0.09 * tall), (150, 180, 225), cv2.FILLED, cv2.LINE_AA)
    half = 0.17 * tall
    return x - half, y - tall, x + half, y


def picture(frames: int = FRAMES) -> tuple[Image, Result]:
    """Return the last of some frames with everything drawn in, and its result."""
    tracker, counter = Tracker(), Counter(Control(Settings(shapes={EVERY_SOURCE: SHAPES})))
    for index, (image, found) in enumerate(itertools.islice(walkers(), frames)):
        frame = Frame(image, "BGR", index, round(index / FPS * 1e9), "arrival", "walkers")
        result = counter(frame, tracker(frame, Result("detect", tuple(found))))
    return annotated(image, result), result


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the picture goes, a PNG file")
    out = parser.parse_args().out
    with replaced(out) as temporary:
        temporary.write_bytes(cv2.imencode(".png", picture()[0])[1].tobytes())


if __name__ == "__main__":
    main()
