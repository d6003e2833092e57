"""What preprocessing a 1080p frame for a network of 224 x 224 costs, beside converting the whole frame first.

    python -m tests.performance.preprocessing

Both make the same uint8 input, and take turns, so that what else runs on the machine slows both. Each figure is the
best of its rounds. The frame is in the processor's caches, as one that was just decoded; of a frame that lies in
memory, reading it takes most of the time both ways.
"""

import json
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge.frames import Frame, PixelFormat
from edge.imaging import Image, InputFormat, Preprocessor
from edge.scenes import moving
from edge.tensors import TensorSpec

FROM_BGR, FROM_I420 = 0.40, 0.25
MOST_DIFFERENCE = 1.0
SIZE, SIDE = (1920, 1080), 224
FRAMES, ROUNDS = 8, 40


def measure(frames: int = FRAMES, rounds: int = ROUNDS) -> dict[str, float | bool]:
    """Return microseconds a frame for each way, the two ratios, and the mean differences in grey levels."""
    image = next(moving(SIZE, 30.0, 0)).image
    planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    ways: dict[str, tuple[Callable[[Image], Image], Image]] = {
        "bgr_us": (_ours("BGR"), image),
        "bgr_convert_first_us": (_plain(cv2.COLOR_BGR2RGB), image),
        "i420_us": (_ours("I420"), planes),
        "i420_convert_first_us": (_plain(cv2.COLOR_YUV2RGB_I420), planes),
    }
    best = {name: float("inf") for name in ways}
    for _ in range(rounds):
        for name, (run, given) in ways.items():
            for _ in range(frames):
                start = time.perf_counter()
                run(given)
                best[name] = min(best[name], (time.perf_counter() - start) * 1e6)
    found = {name: round(value, 1) for name, value in best.items()}
    for kind in ("bgr", "i420"):
        found[f"{kind}_ratio"] = round(best[f"{kind}_us"] / best[f"{kind}_convert_first_us"], 3)
        ours, plain = (run(given).astype(int) for run, given in (ways[f"{kind}_us"], ways[f"{kind}_convert_first_us"]))
        found[f"{kind}_difference"] = round(float(np.abs(ours - plain).mean()), 3)
    return {**found, "passed": is_good(found)}


def is_good(found: dict[str, float]) -> bool:
    """Return whether the figures reach both bars."""
    near = max(found["bgr_difference"], found["i420_difference"]) <= MOST_DIFFERENCE
    return near and found["bgr_ratio"] <= FROM_BGR and found["i420_ratio"] <= FROM_I420


def _ours(form: PixelFormat) -> Callable[[Image], Image]:
    spec = TensorSpec("image", (1, SIDE, SIDE, 3), np.dtype(np.uint8))
    preprocess = Preprocessor(spec, InputFormat(raw=True))
    return lambda pixels: preprocess.of_frame(Frame(pixels, form, 0, 0, "arrival", "")).tensor


def _plain(code: int) -> Callable[[Image], Image]:
    """What a first script does: convert the frame, then resize it."""
    return lambda pixels: np.asarray(cv2.resize(cv2.cvtColor(pixels, code), (SIDE, SIDE))[None], np.uint8)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
