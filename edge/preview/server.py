"""``Server`` runs an ASGI application with uvicorn, in a thread and an event loop of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from edge.preview.stream import TRANSPORT
from edge.reports import Report

MAX_CONNECTIONS = 96
"""The most connections: two for each viewer, and some for what they ask besides."""

REQUEST_SECONDS = 10.0
"""How long a client may take for the head of each request, from the connection's begin or the last answer on."""

KEEP_ALIVE_SECONDS = 5
"""How long a connection is kept after an answer while nothing at all comes."""

SEND_BUFFER = 128 * 1024
"""The size of a connection's buffer in the kernel, in bytes. A larger one would hold seconds of old pictures."""

LOGGERS = ("uvicorn.access", "uvicorn.asgi", "uvicorn.error")
"""The loggers of uvicorn. The program may log everything, and uvicorn would log addresses with their token."""

START_SECONDS, CLOSE_SECONDS = 10.0, 2.0


class Server:
    """A running server. ``close`` ends it within ``CLOSE_SECONDS``, whatever its clients do."""

    def __init__(self, app: ASGIApp, opened: socket.socket, end: Callable[[], None], report: Report) -> None:
        """Start the thread, and wait until the server answers.

        Args:
            app: the application.
            opened: the socket that listens. The server closes it.
            end: ends the application's streams. It is called in the event loop's thread.
            report: takes one line for each error of uvicorn.
        """
        self._end, self._socket, self._report = end, opened, report
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(app, http=_Connection, ws="none", lifespan="off", loop="asyncio", log_config=None)
        config.proxy_headers = config.server_header = False
        config.timeout_keep_alive, config.timeout_graceful_shutdown = KEEP_ALIVE_SECONDS, 1
        config.h11_max_incomplete_event_size = 32 * 1024
        self._uvicorn = uvicorn.Server(config)
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, name="preview server", daemon=True)
        self._thread.start()
        self._running.wait(START_SECONDS)

    def close(self) -> None:
        """End all connections and the thread. A second call does nothing."""
        self._uvicorn.should_exit = True
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the event loop has ended already
                loop.call_soon_threadsafe(self._abort)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        words = _OneLine(threading.get_ident(), self._report)
        loggers = [logging.getLogger(name) for name in LOGGERS]
        for logger in loggers:
            logger.addFilter(words)
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._report(f"preview: its server ended: {type(error).__name__}: {' '.join(str(error).split())}")
        finally:
            for logger in loggers:
                logger.removeFilter(words)
            self._socket.close()
            self._running.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._running.set)
        await self._uvicorn.serve([self._socket])

    def _abort(self) -> None:
        """End the streams, and the connections that do not end by themselves at once."""
        self._end()
        connections: list[Any] = list(self._uvicorn.server_state.connections)
        assert self._loop is not None
        for connection in connections:
            self._loop.call_later(0.2, connection.transport.abort)


class _Connection(H11Protocol):
    """A connection whose client must ask in time, and whose transport the application can reach.

    uvicorn stops its keep-alive timer at the first byte of the next request, and waits for the rest without end.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False
        self._expect_request()
        if not self._has_room():
            transport.abort()
            return
        opened = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.app = _with_transport(self.app, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._late.cancel()
        self._expect_request()
        super().on_response_complete()

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_request(self) -> None:
        self._waits_since = self.loop.time()
        self._late = self.loop.call_later(REQUEST_SECONDS, self._end_late)

    def _end_late(self) -> None:
        """End the connection unless a request is being answered. The application limits the time of its body."""
        if not self._answering:
            self.transport.abort()

    def _has_room(self) -> bool:
        """Return whether the connection may stay. It takes the place of the one that has waited for its client longest.

        So nobody keeps others out by connections that ask for nothing.
        """
        others = [one for one in self.connections if one is not self and not one.transport.is_closing()]
        if len(others) < MAX_CONNECTIONS:
            return True
        waiting = [one for one in others if isinstance(one, _Connection) and not one._answering]
        if waiting:
            min(waiting, key=lambda one: one._waits_since).transport.abort()
        return bool(waiting)


def _with_transport(app: Any, transport: asyncio.Transport) -> Any:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, TRANSPORT: transport}, receive, send)

    return answer


class _OneLine(logging.Filter):
    """Turns the errors of one thread's uvicorn into single lines, and drops all else that it logs."""

    def __init__(self, thread: int, report: Report) -> None:
        super().__init__()
        self._thread, self._report = thread, report

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.ERROR and not record.getMessage().startswith("Cancel "):
            error = record.exc_info[1] if record.exc_info else None
            detail = f": {type(error).__name__}: {' '.join(str(error).split())}" if error else ""
            self._report(f"preview: {record.getMessage().splitlines()[0]}{detail}")
        return False
