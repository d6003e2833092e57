"""``ScrapeServer`` answers ``GET /metrics`` with a text, for Prometheus."""

import hmac
import http.server
import ipaddress
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from edge.closing import Closing
from edge.errors import FileError, InputError

MOST_AT_ONCE = 8
"""The most requests at once. Further ones are not answered."""

REQUEST_SECONDS = 5.0
"""How long one read or write of a request may take."""


def parse_target(text: str) -> tuple[str, int]:
    """Return host and port of ``PORT`` or ``HOST:PORT``. Raises InputError for another text."""
    host, _, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise InputError(f"metrics must be PORT or HOST:PORT with a port from 0 to 65535, got {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host's address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ScrapeServer(Closing):
    """Serves in threads of its own, from the moment that it is made.

    Attributes:
        port: the port, also when any was asked for.
    """

    def __init__(self, host: str, port: int, text: Callable[[], bytes], content_type: str, token: str = "") -> None:
        """Listen.

        Args:
            host: the address to listen on.
            port: the port. 0 takes any free one.
            text: returns what is answered.
            content_type: the text's content type.
            token: what a request must state as ``Authorization: Bearer TOKEN``. Empty demands nothing.

        Raises:
            FileError: the port is taken, or the address is not one of this machine.
        """
        kind = type("Server", (_Server,), {"address_family": socket.AF_INET6 if ":" in host else socket.AF_INET})
        try:
            self._server: _Server = kind((host, port), _handler(text, content_type, token.encode()))
        except OSError as error:
            raise FileError(f"metrics cannot listen on {host} port {port}: {error.strerror}; state another") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name=f"metrics {port}", daemon=True
        )
        self._thread.start()
        self._closed = False

    def close(self) -> None:
        """Stop listening. Requests that are being answered end by themselves."""
        if not self._closed:
            self._closed = True
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    """Not ``http.server.HTTPServer``, which asks a name server for its own name."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, *arguments: Any) -> None:
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of one request, such as a client that goes away."""


def _handler(text: Callable[[], bytes], content_type: str, token: bytes) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS
        server_version, sys_version = "edgekit", ""

        def do_GET(self) -> None:
            stated = self.headers.get("Authorization", "").encode("latin-1", "replace")
            if token and not hmac.compare_digest(stated, b"Bearer " + token):
                self._answer(401, "text/plain", b"a token is needed: Authorization: Bearer TOKEN\n")
            elif self.path.partition("?")[0] != "/metrics":
                self._answer(404, "text/plain", b"the metrics are at /metrics\n")
            else:
                self._answer(200, content_type, text())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 401:
                self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing: a fleet is scraped every few seconds."""

    return Handler
