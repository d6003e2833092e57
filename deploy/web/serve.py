"""``WebServer`` serves an exported app: over HTTP to this machine, over HTTPS and with a token to others.

It is the standard library's threading server. It serves a fixed list of files, so that no path leads anywhere else, and
it needs nothing that a framework has. Browsers treat http://localhost like HTTPS.
"""

import hmac
import ipaddress
import secrets
import socket
import ssl
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edge.deploy.web.certificates import Certificates, local_addresses
from edge.deploy.web.export import is_app
from edge.errors import InputError

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; manifest-src 'self'; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
COOKIE = "edgekit_token"
AUTHORITY = "/ca.crt"
MOST_CONNECTIONS = 64
LONGEST_IDLE_S = 30.0


@dataclass(frozen=True)
class Served:
    """One file of the app.

    Attributes:
        path: the file.
        type: its media type.
        compressed: the file's gzip, if there is one.
    """

    path: Path
    type: str
    compressed: Path | None = None


def listed(folder: Path) -> dict[str, Served]:
    """Return the files of an app by their paths in the URL. Raises InputError when ``folder`` is no exported app."""
    if not is_app(folder):
        raise InputError(f"{folder} must be a bundle, or a web app that edge-deploy web has made; it is neither")
    found: dict[str, Served] = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".gz":
            packed = path.with_name(path.name + ".gz")
            kind = TYPES.get(path.suffix, "application/octet-stream")
            served = Served(path, kind, packed if packed.is_file() else None)
            found["/" + path.relative_to(folder).as_posix()] = served
    found["/"] = found["/index.html"]
    return found


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WebServer(ThreadingHTTPServer):
    """Serves an app. A context manager that closes its socket.

    Attributes:
        files: the app's files by their paths in the URL.
        token: what a visitor must know. None where everybody may see the app.
        secure: whether it speaks HTTPS.
    """

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", port: int = 0, certificates: Certificates | None = None,
        token: str | None = None,
    ) -> None:  # fmt: skip
        """Open the port.

        Args:
            folder: an exported app.
            host: the address to listen on.
            port: the port; 0 takes a free one.
            certificates: for HTTPS. None speaks HTTP, which is refused on hosts that others reach.
            token: what a visitor must know. None makes one unless ``host`` is loopback.

        Raises:
            InputError: the folder is no app, the port cannot be opened, or others reach the host and there are no
                certificates.
        """
        if certificates is None and not is_loopback(host):
            raise InputError(f"a phone gives its camera only to pages over HTTPS: certificates are needed on {host}")
        self.files = listed(folder)
        self.secure = certificates is not None
        self.token = token if token or is_loopback(host) else secrets.token_urlsafe(16)
        self.authority = certificates.authority.read_bytes() if certificates else None
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), Handler)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or error
            raise InputError(
                f"the server cannot listen on {host} port {port}: {said}; give another --port or --host"
            ) from error
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(certificates.certificate, certificates.key)
            # The handshake is made in the connection's own thread, or a slow visitor would keep all others waiting.
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def urls(self) -> list[str]:
        """The addresses of the app, with the token: the one to show first."""
        host, port = str(self.server_address[0]), self.server_address[1]
        scheme, rest = ("https" if self.secure else "http"), f"/?token={self.token}" if self.token else "/"
        hosts = ["localhost"] if is_loopback(host) else [host]
        if host in ("0.0.0.0", "::"):
            hosts = local_addresses() or ["localhost"]
        return [f"{scheme}://{f'[{one}]' if ':' in one else one}:{port}{rest}" for one in hosts]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand a connection to a thread of its own; there are at most ``MOST_CONNECTIONS``."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Visitors that leave, and handshakes that fail, are no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    server: WebServer
    protocol_version = "HTTP/1.1"
    timeout = LONGEST_IDLE_S
    server_version, sys_version = "edgekit", ""

    def do_GET(self) -> None:
        """Answer with a file, or say that there is none."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer as GET does, without the content."""
        self._answer(with_body=False)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of requests: tokens stand in their addresses."""

    def _answer(self, with_body: bool) -> None:
        url = urlsplit(self.path)
        if url.path == AUTHORITY and self.server.authority is not None:
            self._send(HTTPStatus.OK, self.server.authority, with_body, {"Content-Type": "application/x-x509-ca-cert"})
            return
        given = parse_qs(url.query).get("token", [""])[0]
        if self._is_token(given) and url.path == "/":
            self._welcome()
            return
        if not self._is_known():
            text = b"Open the address with the token that edge-deploy web --serve shows, or scan its QR code.\n"
            self._send(HTTPStatus.FORBIDDEN, text, with_body, {"Content-Type": "text/plain; charset=utf-8"})
            return
        served = self.server.files.get(url.path)
        if served is None or not served.path.is_file():  # the app may have been exported again
            self._send(HTTPStatus.NOT_FOUND, b"not found\n", with_body, {"Content-Type": "text/plain; charset=utf-8"})
            return
        self._send_file(served, with_body)

    def _is_token(self, given: str) -> bool:
        token = self.server.token
        return token is not None and hmac.compare_digest(given.encode(), token.encode())

    def _is_known(self) -> bool:
        """Return whether the visitor has the cookie, where one is needed."""
        if self.server.token is None:
            return True
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    def _welcome(self) -> None:
        """Exchange the token in the address for a cookie, so that it does not stay in the browser's history."""
        secure = "; Secure" if self.server.secure else ""
        cookie = f"{COOKIE}={self.server.token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}"
        self._send(HTTPStatus.SEE_OTHER, b"", True, {"Location": "/", "Set-Cookie": cookie})

    def _send_file(self, served: Served, with_body: bool) -> None:
        state = served.path.stat()
        headers = {"Content-Type": served.type, "ETag": f'"{state.st_mtime_ns:x}-{state.st_size:x}"'}
        if self.headers.get("If-None-Match") == headers["ETag"]:
            self._send(HTTPStatus.NOT_MODIFIED, b"", False, headers)
            return
        path = served.path
        if served.compressed is not None:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in self.headers.get("Accept-Encoding", ""):
                path, headers["Content-Encoding"] = served.compressed, "gzip"
        self._send(HTTPStatus.OK, path.read_bytes(), with_body, headers)

    def _send(self, status: HTTPStatus, content: bytes, with_body: bool, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.wfile.write(content)
