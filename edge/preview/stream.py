"""``Stream`` is an endless answer to one viewer. A viewer that hangs is disconnected, and delays nobody else."""

import asyncio
from contextlib import AbstractContextManager

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from edge.preview.feed import TooMany
from edge.preview.parts import BOUNDARY
from edge.preview.viewer import Viewer

TRANSPORT = "edge.transport"
"""The name in the scope under which the server gives the connection's transport."""

LONGEST_SEND = 10.0
"""How long a viewer may take no data, in seconds. It fills the buffers first, which hold two or three pictures."""

MJPEG = (f"multipart/x-mixed-replace; boundary={BOUNDARY}", f"--{BOUNDARY}\r\n".encode("ascii"))
SSE = ("text/event-stream; charset=utf-8", b"retry: 1000\n\n")


class Stream:
    """An ASGI response that sends a viewer's parts until the browser leaves or the server ends."""

    def __init__(self, watching: AbstractContextManager[Viewer], form: tuple[str, bytes], *first: bytes) -> None:
        """Store the parameters.

        Args:
            watching: adds the viewer, and removes it at the end.
            form: the media type, and the bytes that begin the stream.
            first: parts to begin with.
        """
        self._watching, self._form, self._first = watching, form, first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            with self._watching as viewer:
                leaving = asyncio.create_task(_leave(receive, viewer))
                try:
                    await self._run(viewer, scope, send)
                finally:
                    leaving.cancel()
        except TooMany as error:
            await PlainTextResponse(str(error), 503, {"Retry-After": "10"})(scope, receive, send)

    async def _run(self, viewer: Viewer, scope: Scope, send: Send) -> None:
        kind, begin = self._form
        # a proxy such as nginx must not collect the stream before it passes it on
        headers = {"content-type": kind, "cache-control": "no-store", "x-accel-buffering": "no", "connection": "close"}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        part = b"" if scope["method"] == "HEAD" else begin + b"".join(self._first)
        while part:
            message = {"type": "http.response.body", "body": part, "more_body": True}
            try:
                await asyncio.wait_for(send(message), LONGEST_SEND)
            except asyncio.TimeoutError:
                scope[TRANSPORT].abort()
                return
            part = await viewer.take()
        await send({"type": "http.response.body", "body": b""})


async def _leave(receive: Receive, viewer: Viewer) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.end()
