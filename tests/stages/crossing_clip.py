"""Ten objects that cross, with the truth and the detections of a detector that errs. Everything comes from a seed."""

from dataclasses import dataclass

import numpy as np

SIZE = (1280, 720)
FPS = 30.0


@dataclass(frozen=True)
class Detections:
    """One frame. truth: (10, 4) boxes; there: (10,) bool, in the picture; boxes: (n, 4) with scores: (n,)."""

    truth: np.ndarray
    there: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def clip(seed: int, frames: int = 300, objects: int = 10) -> list[Detections]:
    """Return the frames. Objects walk through each other's paths; who is covered has a low score or is missed.

    The detector's boxes are off by a normal error of 4 % of their side, it misses 6 % of the objects that can be seen,
    and it finds one thing that is not there in three frames.
    """
    rng = np.random.default_rng(seed)
    width, height = SIZE
    angle = rng.uniform(0, 2 * np.pi, objects)
    start = np.stack([width / 2 - 420 * np.cos(angle), height / 2 - 230 * np.sin(angle)], axis=1)
    meet = np.stack([rng.normal(width / 2, 90, objects), rng.normal(height / 2, 60, objects)], axis=1)
    speed = (meet - start) / (frames / 2)
    sway, phase = rng.uniform(4, 14, objects), rng.uniform(0, 2 * np.pi, objects)
    sides = np.stack([rng.uniform(40, 60, objects), rng.uniform(80, 130, objects)], axis=1)
    return [_frame(rng, start + speed * t + _sway(sway, phase, t), sides) for t in range(frames)]


def _sway(size: np.ndarray, phase: np.ndarray, t: int) -> np.ndarray:
    return np.stack([size * np.sin(t / 17 + phase), size / 2 * np.cos(t / 23 + phase)], axis=1)


def _frame(rng: np.random.Generator, centres: np.ndarray, sides: np.ndarray) -> Detections:
    truth = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    there = (truth[:, :2] >= 0).all(axis=1) & (truth[:, 2:] <= SIZE).all(axis=1)
    covered = _covered(truth)
    scores = np.clip(rng.normal(0.8, 0.08, len(truth)) - 0.75 * covered, 0.02, 0.98)
    seen = there & (rng.random(len(truth)) > 0.06) & (covered < 0.8) & (scores > 0.1)
    boxes = truth + rng.normal(0, 0.04, truth.shape) * np.tile(sides, 2)
    false = rng.random() < 1 / 3
    corner = rng.uniform((0, 0), (SIZE[0] - 60, SIZE[1] - 120))
    extra = np.concatenate([corner, corner + rng.uniform((30, 60), (60, 120))])[None]
    boxes = np.concatenate([boxes[seen], extra[:false]])
    return Detections(truth, there, boxes, np.concatenate([scores[seen], rng.uniform(0.15, 0.65, int(false))]))


def _covered(truth: np.ndarray) -> np.ndarray:
    """Return the share of each box that one nearer object covers: the one that stands lower in the picture."""
    low = np.maximum(truth[:, None, :2], truth[None, :, :2])
    high = np.minimum(truth[:, None, 2:], truth[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    nearer = truth[None, :, 3] > truth[:, None, 3]
    return (common * nearer).max(axis=1) / np.prod(truth[:, 2:] - truth[:, :2], axis=1)
