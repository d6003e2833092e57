"""A million frames: the growth of memory, threads and open files.

python -m tests.performance.endurance [FRAMES]
"""

import gc
import itertools
import json
import os
import sys
import threading
import time

import numpy as np

from edge.control import Control
from edge.frames import Frame
from edge.pipeline import Loop
from edge.sources.base import Source
from tests.performance.live import Network

FRAMES, CHECKS = 1_000_000, 20
GROWTH_KB = 1024
"""The most that memory may grow in 100,000 frames."""


class Endless(Source):
    """A live source whose next small frame comes when the last one was taken; every one is new memory."""

    live, fps, name = True, None, "endless"

    def __init__(self):
        self.taken = threading.Semaphore(2)
        self._closed = False

    def __iter__(self):
        for index in itertools.count():
            self.taken.acquire()
            if self._closed:
                return
            yield Frame(np.full((24, 32, 3), index % 256, np.uint8), "BGR", index, time.time_ns(), "arrival", self.name)

    def close(self) -> None:
        self._closed = True
        self.taken.release()


def measure(frames: int = FRAMES) -> dict[str, float | int | bool]:
    """Return the growth of memory from a tenth of the run to its end, by a fit through samples of it."""
    samples: list[tuple[int, float, int, int]] = []
    every = max(1, frames // CHECKS)
    count, source = itertools.count(1), Endless()

    def look(event):
        done = next(count)
        source.taken.release()
        event.result.as_json()
        if done % every == 0:
            gc.collect()
            samples.append((done, _resident_kb(), threading.active_count(), len(os.listdir("/proc/self/fd"))))

    start = time.perf_counter()
    stats = Loop(source, Network(0.0, side=16), control=Control(), max_frames=frames).run([look])
    settled = samples[len(samples) // 10 :]
    done, memory, threads, files = map(np.asarray, zip(*settled, strict=True))
    growth = float(np.polyfit(done, memory, 1)[0]) * 1e5
    return {
        "frames": stats.frames,
        "seconds": round(time.perf_counter() - start, 1),
        "growth_kb_per_100k": round(growth, 1),
        "new_threads": int(threads.max() - threads[0]),
        "new_files": int(files.max() - files[0]),
        "passed": bool(growth <= GROWTH_KB and threads.max() == threads[0] and files.max() == files[0]),
    }


def _resident_kb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=2))
