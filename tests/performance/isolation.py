"""What running a model in a worker process costs, and how soon results come again after its worker is lost.

    python -m tests.performance.isolation

The model imitates one of 25 ms and takes 224 x 224 pixels. The rates are those of the whole loop on frames that are
always there; with and without isolation take turns. For the losses the worker is stopped by a signal: KILL, as the
system does for lack of memory, and STOP, which is a hang.
"""

import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge.errors import BrokenOutput
from edge.frames import Frame
from edge.isolated import IsolatedModel
from edge.opening import open_session
from edge.pipeline import Loop
from edge.session import Session, SessionOptions
from edge.sources.base import Source

RATE, RESUME_S, MOST_LOST = 0.95, 1.0, 1
MODEL_MS, FRAMES, ROUNDS, LOSSES = 25, 80, 3, 3


def measure(frames: int = FRAMES, rounds: int = ROUNDS, losses: int = LOSSES) -> dict[str, float | bool]:
    """Return the loop's rates and their ratio, the seconds to open, to notice a loss and to resume, and runs lost.

    ``resume_s`` counts from the moment a loss is noticed to the next result, which takes a run of the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = _model(Path(folder))
        plain, plain_s = _opened(path, isolate=False)
        isolated, isolated_s = _opened(path, isolate=True)
        with plain, isolated:
            model = isolated.model
            assert isinstance(model, IsolatedModel)
            model.ready(60)
            rates = {
                name: [_rate(session, frames) for _ in range(rounds)]
                for name, session in (("plain", plain), ("isolated", isolated))
            }
            killed = [_lose(model, signal.SIGKILL) for _ in range(losses)]
            hung = [_lose(model, signal.SIGSTOP) for _ in range(losses)]
    plain_fps, isolated_fps = max(rates["plain"]), max(rates["isolated"])
    found: dict[str, float | bool] = {
        "plain_fps": round(plain_fps, 2),
        "isolated_fps": round(isolated_fps, 2),
        "rate_ratio": round(isolated_fps / plain_fps, 3),
        "plain_open_s": round(plain_s, 3),
        "isolated_open_s": round(isolated_s, 3),
        "kill_notice_s": round(statistics.median(row[0] for row in killed), 3),
        "kill_resume_s": round(max(row[1] for row in killed), 3),
        "hang_notice_s": round(statistics.median(row[0] for row in hung), 3),
        "hang_resume_s": round(max(row[1] for row in hung), 3),
        "most_lost": max(row[2] for row in (*killed, *hung)),
    }
    return {**found, "passed": is_good(found)}


def keeps_up(found: dict[str, float | bool]) -> bool:
    """Return whether the loop's rate is kept."""
    return found["rate_ratio"] >= RATE


def resumes(found: dict[str, float | bool]) -> bool:
    """Return whether results resume in time, and at most one is lost."""
    return max(found["kill_resume_s"], found["hang_resume_s"]) <= RESUME_S and found["most_lost"] <= MOST_LOST


def is_good(found: dict[str, float | bool]) -> bool:
    """Return whether the figures reach the bars."""
    return keeps_up(found) and resumes(found)


def _model(folder: Path) -> Path:
    content = {
        "inputs": [{"name": "image", "shape": [1, 224, 224, 3], "dtype": "uint8"}],
        "outputs": [{"name": "bands", "shape": [1, 4], "dtype": "float32"}],
        "delay_ms": MODEL_MS,
    }
    path = folder / "slow.fake"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _opened(path: Path, isolate: bool) -> tuple[Session, float]:
    start = time.perf_counter()
    session = open_session(path, SessionOptions(threads=1, isolate=isolate))
    return session, time.perf_counter() - start


class _Frames(Source):
    """Gives 720p frames as fast as they are taken."""

    name, live, fps = "frames", False, None

    def __init__(self, count: int) -> None:
        self._pixels, self._count = np.zeros((720, 1280, 3), np.uint8), count

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            yield Frame(self._pixels, "BGR", index, time.time_ns(), "decode", self.name)

    def close(self) -> None:
        pass


def _rate(session: Session, frames: int) -> float:
    start = time.perf_counter()
    count = Loop(_Frames(frames), session).run().frames
    return count / (time.perf_counter() - start)


def _lose(model: IsolatedModel, by: signal.Signals) -> tuple[float, float, int]:
    """Return the seconds until the loss of a worker is noticed, from then to the next result, and the runs lost."""
    image = [np.zeros(spec.shape, spec.dtype) for spec in model.inputs]
    if not model.ready(60) or model.pid is None:
        raise RuntimeError("there is no spare worker after 60 s")
    os.kill(model.pid, by)
    start, noticed, lost = time.perf_counter(), 0.0, 0
    while True:
        try:
            model.run(image)
            return noticed - start, time.perf_counter() - noticed, lost
        except BrokenOutput:
            noticed = noticed or time.perf_counter()
            lost += 1


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
