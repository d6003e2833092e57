"""What outputs cost the loop: a 30 fps source of 720p frames, a network of 25 ms; preview, MQTT, metrics, JSON lines.

python -m tests.performance.preview

Where mosquitto is not installed, the MQTT sink looks for a broker that is not there. The two viewers are processes of
their own, which read the video and the results as fast as they come. Each round runs the
loop without and with them; the ratio is that of the medians.
"""

import itertools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from edge.frames import Frame
from edge.opening import open_session
from edge.pipeline import Loop
from edge.scenes import moving
from edge.session import Session
from edge.sinks import Sink, open_sink
from edge.sinks.context import Context
from edge.sinks.preview import Preview
from edge.sources.base import Source
from edge.stats import StatsSnapshot
from tests.sinks import mosquitto

SIZE, RATE, NETWORK_MS, VIEWERS = (1280, 720), 30.0, 25, 2
SECONDS, ROUNDS = 6.0, 3
LEAST = 0.9

VIEWER = """
import http.client, sys, threading
def read(path):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    connection.request("GET", path)
    answer, count = connection.getresponse(), 0
    try:
        while line := answer.readline():
            count += line.startswith(b"X-Frame: ")
    except OSError:
        pass
    if path == "/video":
        print(count)
threads = [threading.Thread(target=read, args=(path,)) for path in ("/video", "/events")]
[thread.start() for thread in threads]
"""
"""A browser that only reads: it prints the number of pictures that it got."""


class Drawn(Source):
    """A live source of pictures that are drawn before, so that drawing costs nothing while the loop runs."""

    name, live, fps = "drawn", True, None

    def __init__(self, seconds: float) -> None:
        """Draw one second of pictures, which are repeated for ``seconds``."""
        self._images = [scene.image for scene in itertools.islice(moving(SIZE, RATE), int(RATE))]
        self._count, self._closed = int(seconds * RATE), threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        start = time.monotonic()
        for index in range(self._count):
            if self._closed.wait(max(0.0, start + index / RATE - time.monotonic())):
                return
            yield Frame(self._images[index % len(self._images)], "BGR", index, time.time_ns(), "arrival", self.name)

    def close(self) -> None:
        """End the iteration."""
        self._closed.set()


def measure(seconds: float = SECONDS, rounds: int = ROUNDS) -> dict[str, float | bool]:
    """Return results per second and the median age in ms without and with viewers, and the ratio of the rates."""
    with tempfile.TemporaryDirectory() as folder, open_session(_network(Path(folder))) as session:
        pairs = [(_alone(session, seconds), _watched(session, seconds)) for _ in range(rounds)]
    alone, watched = ([pair[i] for pair in pairs] for i in range(2))
    rates = [statistics.median(_rate(one) for one in runs) for runs in (alone, [run for run, _ in watched])]
    return {
        "alone_fps": round(rates[0], 2),
        "watched_fps": round(rates[1], 2),
        "alone_age_ms": round(statistics.median(one.age_median for one in alone), 1),
        "watched_age_ms": round(statistics.median(one.age_median for one, _ in watched), 1),
        "pictures_fps": round(statistics.median(count / seconds / VIEWERS for _, count in watched), 2),
        "ratio": round(rates[1] / rates[0], 3),
        "passed": rates[1] / rates[0] >= LEAST,
    }


def _rate(run: StatsSnapshot) -> float:
    return run.frames / run.seconds


def _network(folder: Path) -> Path:
    content = {
        "inputs": [{"name": "image", "shape": [1, 224, 224, 3], "dtype": "uint8"}],
        "outputs": [{"name": "bands", "shape": [1, 4], "dtype": "float32"}],
        "delay_ms": NETWORK_MS,
    }
    path = folder / "bands.fake"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _alone(session: Session, seconds: float) -> StatsSnapshot:
    return Loop(Drawn(seconds), session).run()


def _watched(session: Session, seconds: float) -> tuple[StatsSnapshot, int]:
    """Return the counters of a run with viewers, and the number of pictures that they got."""
    source = Drawn(seconds)
    loop = Loop(source, session)
    with ExitStack() as open_things:
        sink = Preview("127.0.0.1:0", Context([source], loop.stats), report=lambda line: None)
        port = re.search(r":(\d+)/", sink.url)[1]
        viewers = [
            open_things.enter_context(
                subprocess.Popen([sys.executable, "-c", VIEWER, port], stdout=subprocess.PIPE, text=True)
            )
            for _ in range(VIEWERS)
        ]
        while sink.viewers < VIEWERS:
            time.sleep(0.01)
        others = [open_things.enter_context(one) for one in _others(loop.context, open_things)]
        stats = loop.run([sink, *others])
        return stats, sum(int(viewer.communicate()[0]) for viewer in viewers)


def _others(context: Context, open_things: ExitStack) -> Iterator[Sink]:
    """Open the sinks besides the preview."""
    folder = Path(open_things.enter_context(tempfile.TemporaryDirectory()))
    port = 9
    if None not in mosquitto.PROGRAMS:
        port = open_things.enter_context(mosquitto.Mosquitto(folder)).start().port
    yield open_sink("jsonl", str(folder / "results.jsonl"), context)
    yield open_sink("metrics", "0", context)
    yield open_sink("mqtt", f"mqtt://127.0.0.1:{port}/test", context)


def main() -> None:
    print(json.dumps(measure(), indent=2))


if __name__ == "__main__":
    main()
