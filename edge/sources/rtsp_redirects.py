"""``refuse`` asks an RTSP server whether it sends its clients to another server.

FFmpeg follows such a redirect and sends the user and password to the other server, before that one asks for them, and
has no option against it. So the server is asked here first, as FFmpeg would: OPTIONS and DESCRIBE (RFC 2326).
"""

import errno
import re
import socket
from dataclasses import dataclass
from time import monotonic
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from edge.closing import Closing
from edge.errors import FileError
from edge.sources.deadline import Deadline
from edge.sources.http_auth import Login

MAX_REDIRECTS = 5

MAX_BYTES = 1 << 20
"""The most bytes of one answer."""

_PORTS = {"rtsp": 554, "rtsps": 322}
"""The default ports, as FFmpeg has them."""

_MOVED = range(300, 400)
_STATUS = re.compile(r"RTSP/\d\.\d (\d{3})\b")


def refuse(address: str, name: str, timeout: float) -> None:
    """Raise FileError when the server redirects to another server, refuses the password, or does not answer in time.

    A redirect to another path of the same server is followed. An address without a user needs no question.

    Args:
        address: an rtsp:// or rtsps:// address with its user and password.
        name: the name in messages, without them.
        timeout: the longest time for all answers, in seconds.
    """
    parts = urlsplit(address)
    if parts.username is None:
        return
    login, deadline = Login(unquote(parts.username), unquote(parts.password or "")), Deadline(monotonic() + timeout)
    start = here = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    try:
        for _ in range(MAX_REDIRECTS + 1):
            moved = _moved(here, login, deadline)
            if moved is None:
                return
            here = urljoin(here, moved)
            if _server(urlsplit(here)) != _server(urlsplit(start)):
                raise _Refused("it is moved to another server, which must not get its password; give that address")
        raise _Refused(f"it is moved more than {MAX_REDIRECTS} times")
    except _Refused as why:
        raise FileError(f"stream {name} cannot be opened: {why}") from None
    except TimeoutError:
        raise FileError(f"stream {name} cannot be opened: no answer within {timeout:g} s") from None
    except (OSError, ValueError) as error:  # its text may hold an address
        reason = getattr(error, "strerror", None) or "the answer is no RTSP"
        raise FileError(f"stream {name} cannot be opened: {reason}") from None


class _Refused(Exception):
    """Says why a stream is not opened."""


def _server(parts: SplitResult) -> tuple[str, str | None, int | None]:
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)


def _moved(address: str, login: Login, deadline: Deadline) -> str | None:
    """Return to where a server redirects a client, or None when it does not."""
    with _Connection(address, login, deadline) as connection:
        for method in ("OPTIONS", "DESCRIBE"):
            answer = connection.ask(method)
            if answer.status in _MOVED:
                return next(iter(answer.values("location")), "")
            if answer.status == 401:
                raise _Refused("the server answers 401: it refuses the user and password")
            if answer.status != 200:
                raise _Refused(f"the server answers {answer.status}")
    return None


@dataclass(frozen=True)
class _Answer:
    """The head of an answer.

    Attributes:
        status: its number, such as 200.
        fields: the names of its header in lower case, each with its value.
    """

    status: int
    fields: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for other, value in self.fields if other == name]


class _Connection(Closing):
    """A connection to a server that answers when it is asked for the password."""

    def __init__(self, address: str, login: Login, deadline: Deadline) -> None:
        scheme, host, port = _server(urlsplit(address))
        self._address, self._login, self._deadline = address, login, deadline
        self._number, self._received, self._challenges = 0, b"", list[str]()
        self._socket = socket.create_connection((host or "", port or 0), deadline.left())
        if scheme == "rtsps":
            self._socket = _encrypted(self._socket, deadline)

    def ask(self, method: str) -> _Answer:
        """Return the answer to a request, with the password where the server asks for it."""
        answer = self._ask(method)
        if answer.status == 401:
            self._challenges = answer.values("www-authenticate")
            try:
                answer = self._ask(method)
            except FileError:  # no way to log in that is known here
                raise _Refused("the server must take Basic or Digest authentication with MD5 or SHA-256") from None
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _ask(self, method: str) -> _Answer:
        self._number += 1
        lines = [f"{method} {self._address} RTSP/1.0", f"CSeq: {self._number}", "User-Agent: edgekit"]
        if method == "DESCRIBE":
            lines.append("Accept: application/sdp")
        if self._challenges:
            lines.append(f"Authorization: {self._login.answer(self._challenges, method, self._address)}")
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self._answer()

    def _answer(self) -> _Answer:
        """Read an answer, and leave out its body."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._receive()
        head, self._received = self._received[:end].decode("latin-1"), self._received[end + 4 :]
        match = _STATUS.match(head)
        if match is None:
            raise ValueError(head)
        pairs = [line.partition(":") for line in head.split("\r\n")[1:]]
        answer = _Answer(int(match[1]), [(name.strip().lower(), value.strip()) for name, _, value in pairs])
        body = int(next(iter(answer.values("content-length")), 0))
        while len(self._received) < body:
            self._receive()
        self._received = self._received[body:]
        return answer

    def _receive(self) -> None:
        self._socket.settimeout(self._deadline.left())
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError(errno.ECONNRESET, "the server closed the connection")
        self._received += data
        if len(self._received) > MAX_BYTES:
            raise ValueError("too long")


def _encrypted(plain: socket.socket, deadline: Deadline) -> socket.socket:
    """Return a socket that encrypts, and checks no certificate, as FFmpeg does not."""
    import ssl  # few cameras encrypt

    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        plain.settimeout(deadline.left())
        return tls.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise
