"""How old the pictures of an RTSP stream are, how true the reported ages are, and how soon a restarted server is found.

    python -m tests.performance.rtsp [--away SECONDS]

A server on this machine draws the time into each picture. Ages are measured when the loop has a frame's result.
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Sequence

from edge.pipeline import Loop
from edge.sinks.base import Sink
from edge.sinks.event import Event
from edge.sources.options import SourceOptions
from edge.sources.stream import open_stream
from tests.loops import BandsNetwork
from tests.sources import rtsp

TRUE_AGE_MS, AGE_ERROR_MS, RESUME_SECONDS = 150, 50, 3.0
SECONDS = 8.0
FEW = 20
"""Fewer results with a clock have no median: the first picture has no time stamp."""

AWAY_SECONDS = (8.0, 60.0)
"""How long a server is away: a restart, and a camera that takes a new firmware."""


class _Ages(Sink):
    """Keeps each result's clock, its reported and its true age in ms, and when it came."""

    name, lossless, on_error = "ages", True, "fatal"

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, float]] = []
        self.came = threading.Condition()

    def emit(self, event: Event) -> None:
        drawn, result = rtsp.drawn_time(event.frame.bgr), event.result
        done = result.captured_ns / 1e6 + result.age_ms
        with self.came:
            self.rows.append((result.age_clock, result.age_ms, done - drawn * 1e3, drawn))
            self.came.notify_all()

    def close(self) -> None:
        pass


def measure(away: Sequence[float] = AWAY_SECONDS) -> dict[str, object]:
    """Return the figures by name, or ``skipped`` with the reason.

    away: how long the server is away, in seconds, for each of the restarts.

    true_age_ms, age_error_ms: medians, by transport and by the clock that the results state. resume_s: from the moment
    that the server accepts connections again to the first new result, by the seconds that it was away.
    """
    if rtsp.missing():
        return {"skipped": rtsp.missing()}
    return {
        "ages": {f"{reader} {transport}": _ages(reader, transport) for reader, transport in _READERS},
        "resume_s": {f"{seconds:g}": _resume(seconds) for seconds in away},
    }


_READERS = (("av", "tcp"), ("av", "udp"), ("opencv", "tcp"))


def _ages(reader: str, transport: str) -> dict[str, dict[str, float]]:
    options = SourceOptions(options={"reader": reader, "transport": transport})
    with rtsp.Server() as server:
        ages = _Ages()
        loop = Loop(open_stream(server.address, options), BandsNetwork())
        timer = threading.Timer(SECONDS, loop.stop)
        timer.start()
        loop.run([ages])
        timer.cancel()
    figures = {}
    for clock in sorted({row[0] for row in ages.rows}):
        rows = [row for row in ages.rows if row[0] == clock]
        figures[clock] = {
            "results": len(rows),
            "true_age_ms": round(statistics.median(row[2] for row in rows), 1),
            "reported_age_ms": round(statistics.median(row[1] for row in rows), 1),
            "age_error_ms": round(statistics.median(abs(row[1] - row[2]) for row in rows), 1),
        }
    return figures


def _resume(away: float) -> float:
    """Return the seconds from the server's return to the first result of a picture that it drew then."""
    server, ages = rtsp.Server(), _Ages()
    loop = Loop(open_stream(server.address), BandsNetwork())
    running = threading.Thread(target=loop.run, args=([ages],))
    running.start()
    try:
        with ages.came:
            ages.came.wait_for(lambda: ages.rows, 30)
        server.kill()
        time.sleep(away)
        server, back = rtsp.Server(server.port), time.time()
        with ages.came:
            ages.came.wait_for(lambda: ages.rows[-1][3] > back - away / 2, 60)
        return round(time.time() - back, 2)
    finally:
        loop.stop()
        running.join()
        server.kill()


def is_good(found: dict) -> tuple[bool, bool, bool]:
    """Return whether the true ages, the error of the ages by the sender, and the returns are good."""
    clocks = [(clock, figures) for ages in found["ages"].values() for clock, figures in ages.items()]
    clocks = [(clock, figures) for clock, figures in clocks if figures["results"] >= FEW]
    by_sender = [figures for clock, figures in clocks if clock == "sender"]
    return (
        all(figures["true_age_ms"] <= TRUE_AGE_MS for _, figures in clocks),
        bool(by_sender) and all(figures["age_error_ms"] <= AGE_ERROR_MS for figures in by_sender),
        all(seconds <= RESUME_SECONDS for seconds in found["resume_s"].values()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--away", type=float, nargs="*", default=AWAY_SECONDS)
    print(json.dumps(measure(parser.parse_args().away), indent=2))


if __name__ == "__main__":
    main()
