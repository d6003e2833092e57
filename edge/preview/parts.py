"""The parts of the streams: what one picture and one event look like on the wire."""

import json
import time
from dataclasses import replace
from typing import Any

from edge import tasks
from edge.results import Result
from edge.sinks.event import Event

BOUNDARY = "frame"
"""The boundary of the MJPEG stream (RFC 2046, 5.1)."""


def age_ms(event: Event) -> float:
    """Return the time since the frame was captured, in ms."""
    return max(0.0, (time.time_ns() - event.frame.captured_ns) / 1e6)


def mjpeg_part(event: Event, jpeg: bytes) -> bytes:
    """Return one part of the stream. The next boundary comes with it, so that browsers show the picture at once."""
    head = (
        f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Frame: {event.frame.index}\r\n"
        f"X-Age-Ms: {age_ms(event):.1f}\r\n\r\n"
    )
    return head.encode("ascii") + jpeg + f"\r\n--{BOUNDARY}\r\n".encode("ascii")


def sse(kind: str, data: str) -> bytes:
    """Return one Server-Sent Event. ``data`` must have no line end, as JSON has none."""
    return f"event: {kind}\ndata: {data}\n\n".encode()


def result_part(event: Event) -> bytes:
    """Return the Server-Sent Event of a result."""
    return sse("result", json.dumps(result_json(event), allow_nan=False))


def result_json(event: Event) -> dict[str, Any]:
    """Return what the page shows of a result. Arrays, such as a mask, are left out: the picture shows them."""
    result, width, height = event.result, *event.frame.size
    text = result.fault or tasks.load(result.task).line(result)
    places = [{"name": one.name, "kind": one.kind, "counts": dict(one.counts)} for one in result.places]
    return {"places": places, **_plain(result).as_json(), "line": text, "size": [width, height]}


def _plain(result: Result) -> Result:
    return replace(result, mask=None, image=None, embedding=None, tensors={})
