"""How old results are: a camera of 60 frames per second before a network of 25 ms.

python -m tests.performance.frame_age [SECONDS]
"""

import json
import sys

import numpy as np

from edge.pipeline import Loop
from tests.performance.live import Camera, Network

RATE, NETWORK_SECONDS, SECONDS = 60.0, 0.025, 60.0
P50, P99 = 1.4, 1.8
"""The most that the age may be, in times of the network's."""


def measure(seconds: float = SECONDS) -> dict[str, float | int | bool]:
    """Return ages as multiples of the network's time, and whether every frame is accounted for, once."""
    camera, seen, ages = Camera("camera", RATE, seconds), [], []

    def look(event):
        seen.append(event.frame.index)
        ages.append(event.result.age_ms)

    loop = Loop(camera, Network(NETWORK_SECONDS))
    stats = loop.run([look])
    p50, p99 = (float(np.percentile(ages, q)) / (NETWORK_SECONDS * 1e3) for q in (50, 99))
    last = seen[-1] + 1
    return {
        "frames": stats.frames,
        "dropped": stats.dropped,
        "age_p50_times": round(p50, 3),
        "age_p99_times": round(p99, 3),
        "twice": len(seen) - len(set(seen)),
        "unaccounted": last - stats.frames - stats.dropped,
        "passed": p50 <= P50 and p99 <= P99 and len(seen) == len(set(seen)) and last == stats.captured,
    }


if __name__ == "__main__":
    print(json.dumps(measure(*map(float, sys.argv[1:])), indent=2))
