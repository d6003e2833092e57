"""The cost of the motion gate for a quiet 720p frame, in the formats of cameras.

python -m tests.performance.motion_gate
"""

import json
import time

import cv2
import numpy as np

from edge.frames import Frame, PixelFormat
from edge.stages.motion import MotionGate

FRAMES = 300
BAR_MS = 0.5


def measure() -> dict[str, float]:
    """Return the median time of a frame by its format, in ms."""
    bgr = np.random.default_rng(0).integers(100, 130, (720, 1280, 3), np.uint8)
    i420 = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    yuyv = np.stack([i420[:720], np.full_like(i420[:720], 128)], axis=-1)
    rows: list[tuple[PixelFormat, np.ndarray]] = [("BGR", bgr), ("I420", i420), ("YUYV", yuyv)]
    return {form: round(_median(form, pixels), 3) for form, pixels in rows}


def is_good(found: dict[str, float]) -> bool:
    """Return whether every format is below the bar."""
    return max(found.values()) < BAR_MS


def _median(form: PixelFormat, pixels: np.ndarray) -> float:
    gate, seconds = MotionGate(), []
    for index in range(FRAMES):
        frame = Frame(pixels, form, index, index * 33_000_000, "arrival", "camera")
        started = time.perf_counter()
        gate(frame)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[FRAMES // 3 :]) * 1e3)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
