"""The ASGI application of the preview: the page's files, the streams, the snapshot and the settings."""

import asyncio
import json
import re
import time
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from edge.errors import InputError
from edge.preview import pictures, settings, status
from edge.preview.access import MAX_BODY
from edge.preview.feed import Feed
from edge.preview.parts import sse
from edge.preview.stream import MJPEG, SSE, Stream
from edge.sinks.context import Context

SCRIPTS = ("app", "api", "events", "labels", "places", "readings", "shapes", "stage", "theme", "video")
PAGE_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"/js/{name}.js": (f"js/{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
}
"""The files that are served, by their paths. There are no others, so that no path leads out of the folder."""

STATUS_SECONDS = 1.0
BODY_SECONDS = 10.0
NO_STORE = {"Cache-Control": "no-store"}


class Application:
    """The routes, and the task that tells the viewers how the loop is."""

    def __init__(self, context: Context, feed: Feed) -> None:
        """Store what is shown."""
        self._context, self._feed = context, feed
        self._names = tuple(source.name for source in context.sources)
        self._told: Any = context.control.settings
        self._telling: asyncio.Task[None] | None = None

    def app(self) -> Starlette:
        """Return the application."""
        routes: list[BaseRoute] = [_file_route(path, *row) for path, row in PAGE_FILES.items()]
        routes += [
            Route("/video", self._video),
            Route("/events", self._events),
            Route("/snapshot.jpg", self._snapshot),
            Route("/places.toml", self._places),
            Route("/api/state", self._state),
            Route("/api/settings", self._settings, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={InputError: _refused})

    async def _video(self, request: Request) -> Any:
        return Stream(self._feed.watching("video", self._source(request)), MJPEG)

    async def _events(self, request: Request) -> Any:
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())
        first = (
            sse("state", json.dumps(status.facts(self._context))),
            sse("status", json.dumps(status.moment(self._context, self._feed))),
        )
        return Stream(self._feed.watching("results", self._source(request)), SSE, *first)

    async def _snapshot(self, request: Request) -> Response:
        source = self._source(request)
        event = self._feed.newest.get(source)
        if event is None:
            return PlainTextResponse(f"source {source!r} has given no frame yet\n", 404, NO_STORE)
        jpeg = await self._feed.run_in_encoder(pictures.whole, event)
        name = f"{_file_name(source)}-{time.strftime('%Y%m%d-%H%M%S')}.jpg"
        headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(jpeg, headers=headers, media_type="image/jpeg")

    async def _state(self, request: Request) -> Response:
        found = {**status.facts(self._context), "status": status.moment(self._context, self._feed)}
        return JSONResponse(found, headers=NO_STORE)

    async def _places(self, request: Request) -> Response:
        as_file = {"Content-Disposition": 'attachment; filename="places.toml"'}
        return PlainTextResponse(settings.as_toml(self._context.control.settings), headers={**NO_STORE, **as_file})

    async def _settings(self, request: Request) -> Response:
        try:
            body = await asyncio.wait_for(_body(request), BODY_SECONDS)
        except asyncio.TimeoutError:
            return PlainTextResponse(f"settings must arrive within {BODY_SECONDS:g} s\n", 408)
        if len(body) > MAX_BODY:
            return PlainTextResponse(f"settings must have at most {MAX_BODY} bytes\n", 413)
        control = self._context.control
        given = settings.changes(body, self._names)
        control.change(**settings.merged(control.settings, given))
        self._tell_settings()
        return JSONResponse(settings.as_json(control.settings), headers=NO_STORE)

    def _source(self, request: Request) -> str:
        """Return the source that a request names, or the first one. Raises InputError when it is unknown."""
        name = request.query_params.get("source")
        if name is None:
            return self._names[0]
        if name not in self._names:
            raise InputError(f"unknown source {name[:64]!r}; the preview shows: {', '.join(self._names)}")
        return name

    async def _tell(self) -> None:
        """Tell the viewers every second how the loop is, and what others have set, until nobody watches."""
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            if not self._feed.count("results"):
                return
            if self._context.control.settings is not self._told:
                self._tell_settings()
            self._feed.tell("status", status.moment(self._context, self._feed))

    def _tell_settings(self) -> None:
        self._told = self._context.control.settings
        self._feed.tell("settings", settings.as_json(self._told))


def _file_route(path: str, name: str, kind: str) -> Route:
    content = (files("edge.preview") / "page" / name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, headers={"Cache-Control": "no-cache"}, media_type=kind)

    return Route(path, answer)


async def _body(request: Request) -> bytes:
    """Return the body of a request, or the beginning of one that is too long."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MAX_BODY:
            break
    return bytes(found)


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400, NO_STORE)


def _file_name(text: str) -> str:
    """Return a text as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[-64:] or "camera"
