"""Four 720p cameras that share a network: the total rate beside one camera's, and how even the shares are.

python -m tests.performance.several_sources
"""

import json

from edge.pipeline import Loop
from tests.performance.live import Camera, Network, pictures

SOURCES, RATE, NETWORK_SECONDS, SECONDS = 4, 60.0, 0.025, 10.0
OF_ONE, UNEVEN = 0.9, 0.1


def measure(seconds: float = SECONDS) -> dict[str, float | bool]:
    """Return the results per second of one and of four cameras, and the largest deviation from an even share."""
    images = pictures()
    one = _run([Camera("one", RATE, seconds, images)])
    several = _run([Camera(f"camera {n}", RATE, seconds, images) for n in range(SOURCES)])
    rate, rates = one.fps, [counts.frames / several.seconds for counts in several.by_source.values()]
    share = sum(rates) / SOURCES
    uneven = max(abs(own - share) / share for own in rates)
    return {
        "one_fps": round(rate, 2),
        "several_fps": round(several.fps, 2),
        "of_one": round(several.fps / rate, 3),
        "uneven": round(uneven, 3),
        "passed": several.fps >= OF_ONE * rate and uneven <= UNEVEN,
    }


def _run(cameras):
    return Loop(cameras, Network(NETWORK_SECONDS)).run()


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
