"""How close the loop comes to its slowest stage, and how far it leaves a plain loop behind.

    python -m tests.performance.loop MODEL.tflite

MODEL: an image classifier, quantized, of a size whose run takes about as long as decoding a 720p frame: a
MobileNetV2 of 224 x 224 in int8. Everything is measured in one process, in rounds; each figure is the best of
its rounds, so that what else runs on the machine counts as little as it can.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge.backends.base import Model
from edge.opening import open_session
from edge.pipeline import Loop
from edge.scenes import write_clip
from edge.session import Session, SessionOptions
from edge.sources.video import Video

OF_LIMIT, OVER_PLAIN = 0.9, 1.3
FRAMES, ROUNDS = 240, 7
THREADS = 1
"""One for the model leaves the second of two cores to decoding."""


def measure(model: Path, frames: int = FRAMES, rounds: int = ROUNDS) -> dict[str, float | bool]:
    """Return milliseconds a frame for each stage alone, the loop and the plain loop, and the two ratios.

    of_limit: the slowest stage's time over the loop's. over_plain: the plain loop's time over the loop's.
    """
    with tempfile.TemporaryDirectory() as folder, open_session(model, SessionOptions(threads=THREADS)) as session:
        clip = Path(folder) / "clip.avi"
        write_clip(clip, frames)
        runs: dict[str, Callable[[], float]] = {
            "read_ms": lambda: _read(clip),
            "preprocess_ms": lambda: _preprocess(clip, session),
            "infer_ms": lambda: _infer(clip, session, frames),
            "loop_ms": lambda: loop_ms(clip, session),
            "plain_ms": lambda: _plain(clip, session.model),
        }
        best = {name: float("inf") for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                best[name] = min(best[name], run())
    return _judged(best)


def _judged(best: dict[str, float]) -> dict[str, float | bool]:
    slowest = max(best["read_ms"], best["preprocess_ms"], best["infer_ms"])
    of_limit, over_plain = slowest / best["loop_ms"], best["plain_ms"] / best["loop_ms"]
    return {
        **{name: round(value, 3) for name, value in best.items()},
        "slowest_ms": round(slowest, 3),
        "fps": round(1e3 / best["loop_ms"], 1),
        "of_limit": round(of_limit, 3),
        "over_plain": round(over_plain, 3),
        "passed": of_limit >= OF_LIMIT and over_plain >= OVER_PLAIN,
    }


def _per_frame(run: Callable[[], int]) -> float:
    """Return milliseconds for each of the frames that ``run`` says it did."""
    start = time.perf_counter()
    count = run()
    return (time.perf_counter() - start) / count * 1e3


def _read(clip: Path) -> float:
    return _per_frame(lambda: sum(1 for _ in Video(clip)))


def _first(clip: Path) -> np.ndarray:
    return next(iter(Video(clip))).bgr


def _preprocess(clip: Path, session: Session, count: int = 100) -> float:
    image, preprocess = _first(clip), session.preprocess
    assert preprocess is not None
    return _per_frame(lambda: sum(1 for _ in range(count) if preprocess(image) is not None))


def _infer(clip: Path, session: Session, count: int) -> float:
    assert session.preprocess is not None
    prepared = session.preprocess(_first(clip))

    def run() -> int:
        for _ in range(count):
            session.infer(prepared)
        return count

    return _per_frame(run)


def loop_ms(clip: Path, session: Session) -> float:
    return _per_frame(lambda: Loop(Video(clip), session).run().frames)


def _plain(clip: Path, model: Model) -> float:
    """What a first script does: read, convert, resize, run, and take the largest."""
    spec = model.inputs[0]
    _, height, width, _ = spec.shape
    flip = np.uint8(128 if spec.dtype == np.int8 else 0)  # the shift from uint8 to int8

    def run() -> int:
        capture, count = cv2.VideoCapture(str(clip)), 0
        while True:
            ok, image = capture.read()
            if not ok:
                return count
            image = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (width, height))
            model.run([(image ^ flip)[None].view(spec.dtype)])[0].argmax()
            count += 1

    return _per_frame(run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    print(json.dumps(measure(parser.parse_args().model), indent=2))


if __name__ == "__main__":
    main()
