"""``Access`` stands before the application: it decides who is answered, and adds the security headers.

- The ``Host`` header must name this server, so that no other site reaches it by DNS rebinding.
- A page of another site gets nothing (``Sec-Fetch-Site``), and cannot change settings (``Origin``, JSON only).
- Where a token is needed, it comes in the address once, and then in a cookie; programs send it as a bearer token.
"""

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.preview.address import Hosts
from edge.reports import Report

WRONG_TOKEN_SECONDS = 1.0
"""How long the answer to a wrong token takes. The number of connections limits how many are tried at one time."""

MAX_BODY = 256 * 1024
"""The most bytes of a request: twenty times the names of ImageNet's classes."""

PUBLIC = frozenset({"/style.css", "/icon.svg"})
"""The files that the page without a token needs. They hold nothing of the camera."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Access:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, hosts: Hosts, token: str, port: int, report: Report) -> None:
        """Store what is allowed.

        Args:
            app: the application that answers requests that are allowed.
            hosts: the allowed values of the ``Host`` header.
            token: what a visitor must know. Empty when everybody who reaches the port may see the page.
            port: the port. The cookie is named after it, because browsers share cookies between ports.
            report: takes one line for an error of the application.
        """
        self._app, self._hosts, self._token, self._port, self._report = app, hosts, token, port, report
        page = files("edge.preview") / "page"
        self._sign_in = (page / "token.html").read_text(encoding="utf-8")
        self._welcome = (page / "welcome.html").read_text(encoding="utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application answer it."""
        if scope["type"] != "http":
            return
        started = False

        async def secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            refusal = await self._refusal(Request(scope))
            await (refusal or self._app)(scope, receive, secured)
        except Exception as error:
            self._report(f"preview: {scope['path']!r} failed: {type(error).__name__}: {' '.join(str(error).split())}")
            if not started:
                await PlainTextResponse("the preview failed; its terminal says why\n", 500)(scope, receive, secured)

    async def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that is not allowed, or that brings the token; None lets it through."""
        headers = request.headers
        if "content-length" in headers and "transfer-encoding" in headers:
            # a proxy could take the other one for the body's end (RFC 9112, 6.3: request smuggling)
            text = "a request must have a Content-Length or a Transfer-Encoding, not both\n"
            return PlainTextResponse(text, 400, {"Connection": "close"})
        if not self._hosts.allows(headers.get("host", "")):
            text = "this name is not one of the preview's: open it by its IP address, or start it with this name\n"
            return PlainTextResponse(text, 421)
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and request.scope["path"] != "/":
            return PlainTextResponse("other sites get nothing of the preview\n", 403)
        if request.method == "POST" and (refusal := _refused_post(headers)):
            return refusal
        return await self._without_token(request) if self._token else None

    async def _without_token(self, request: Request) -> Response | None:
        path = request.scope["path"]
        if path in PUBLIC:
            return None
        # only here, because a token in the address of a stream would stay in histories and logs
        given = request.query_params.get("token") if path == "/" else None
        if given is not None and self._is_token(given):
            return self._with_cookie(request)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        bearer = bearer.strip() if scheme.lower() == "bearer" else ""
        known = [text for text in (given, _cookie(request.headers, self._cookie_name), bearer) if text]
        if any(self._is_token(text) for text in known):
            return None
        if known:
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
        wanted = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
        if path == "/":
            return HTMLResponse(self._sign_in, 401, wanted)
        return PlainTextResponse("a token is needed: open the preview's address with ?token=…\n", 401, wanted)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode())

    @property
    def _cookie_name(self) -> str:
        return f"edge_preview_{self._port}"

    def _with_cookie(self, request: Request) -> Response:
        """Exchange the token in the address for a cookie.

        The page that is answered goes on to ``/`` by itself. A redirect would not do: after a link from a mail, the
        browser would count it as a request of that site, and would hold back a strict cookie.
        """
        answer = HTMLResponse(self._welcome, headers={"Cache-Control": "no-store"})
        secure = request.headers.get("x-forwarded-proto", "") == "https"
        answer.set_cookie(
            self._cookie_name, self._token, max_age=31_536_000, httponly=True, samesite="strict", secure=secure
        )
        return answer


def _cookie(headers: Headers, name: str) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


def _refused_post(headers: Headers) -> Response | None:
    """Return the answer to a POST of another site, of another type than JSON, or that is too long."""
    origin, host = headers.get("origin"), headers.get("host", "").lower()
    # the scheme is not compared, because a proxy may speak HTTPS for the preview
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        return PlainTextResponse("settings are changed by the preview's own page only (Origin)\n", 403)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return PlainTextResponse("settings are sent as application/json\n", 415)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:12]) > MAX_BODY:
        return PlainTextResponse(f"settings must have at most {MAX_BODY} bytes\n", 413)
    return None
