"""``get`` asks an HTTP server for a resource, with limits on time, headers and redirects.

Every wait has an end: connecting and the headers must be done within one time limit, however slowly a server sends.
"""

import errno
import http.client
import io
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from edge.closing import Closing
from edge.errors import FileError
from edge.sources.deadline import Deadline
from edge.sources.http_auth import Login

MAX_REDIRECTS = 5
_MOVED = (301, 302, 303, 307, 308)
_SCHEMES = ("http", "https")
_UNQUOTED = "%/:=&?~#+!$,;'@()*[]"

_REFUSED_WHY = {
    401: "it refuses the user and password; name them as http://USER:PASSWORD@host/path",
    403: "it forbids this address to this user",
    404: "it has nothing at this path",
}


class Response(Closing):
    """The answer of a server whose body is still to be read.

    Attributes:
        kind: the content type in lower case, without parameters.
        deadline: the moment at which reading the body must end. It may be changed.
    """

    def __init__(self, connection: "_Connection", response: http.client.HTTPResponse, deadline: Deadline) -> None:
        """Wrap an answer of ``http.client`` and its connection."""
        self.deadline = deadline
        self.kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        self.status, self.headers = response.status, response.headers
        self._connection, self._response = connection, response

    def read(self, most: int) -> bytes:
        """Return at least one and at most ``most`` bytes of the body, as soon as they are there. Empty is the end.

        Raises:
            OSError: the connection failed, or the deadline is over.
        """
        try:
            return self._response.read1(most)
        except (http.client.HTTPException, ValueError) as error:  # ValueError: interrupted in the middle
            raise ConnectionError(errno.EPROTO, f"the answer is cut ({type(error).__name__})") from None

    def interrupt(self) -> None:
        """End a blocked ``read``. Any thread may call it."""
        with suppress(OSError):
            self._connection.plain.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()


@dataclass(repr=False)
class Client:
    """Asks one address, and remembers how the server wants the password.

    Attributes:
        address: the address, without user and password.
        name: the name in messages.
        login: the user and password. None sends none.
        verify: whether certificates are checked.
        timeout: the longest time until the headers of an answer are there, in seconds.
    """

    address: str
    name: str
    login: Login | None = None
    verify: bool = True
    timeout: float = 10.0
    _challenges: list[str] = field(default_factory=list)
    _tls: ssl.SSLContext | None = None

    def get(self) -> Response:
        """Ask for the resource.

        Raises:
            FileError: there is no answer in time, or it is no success.
        """
        deadline = Deadline(time.monotonic() + self.timeout)
        try:
            return self._follow(deadline)
        except FileError:
            raise
        except TimeoutError:
            raise self._refused(f"no answer within {self.timeout:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise self._refused(
                f"its certificate is not trusted ({error.verify_message}); "
                "add it to the system's, or give the source option verify=false"
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._refused(_reason(error)) from None

    def _follow(self, deadline: Deadline) -> Response:
        """Ask, answer the question for a password, and follow redirects."""
        address, asked_again = self.address, False
        for _ in range(MAX_REDIRECTS + 2):
            parts = urlsplit(address)
            trusted = _origin(parts) == _origin(urlsplit(self.address))  # another server does not get the password
            response = self._ask(parts, deadline, self._challenges if trusted else [])
            if response.status == 200:
                return response
            response.close()
            location = response.headers.get("Location")
            if response.status == 401 and trusted and self.login and not asked_again:
                asked_again, self._challenges = True, response.headers.get_all("WWW-Authenticate", [])
            elif response.status in _MOVED and location:
                address = urljoin(address, location)
                if urlsplit(address).scheme not in _SCHEMES:
                    raise self._refused("it is moved to an address that is no http://")
            else:
                raise self._refused(_REFUSED_WHY.get(response.status, f"the server answers {response.status}"))
        raise self._refused(f"it is moved more than {MAX_REDIRECTS} times")

    def _refused(self, why: str) -> FileError:
        return FileError(f"stream {self.name} cannot be opened: {why}")

    def _ask(self, parts: SplitResult, deadline: Deadline, challenges: list[str]) -> Response:
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_UNQUOTED)
        headers = {"User-Agent": "edgekit", "Accept": "*/*", "Connection": "close"}
        if self.login and challenges:
            headers["Authorization"] = self.login.answer(challenges, "GET", target)
        connection = _Connection(parts, deadline, self._tls_of(parts))
        try:
            connection.request("GET", target, headers=headers)
            return Response(connection, connection.getresponse(), deadline)
        except BaseException:
            connection.close()
            raise

    def _tls_of(self, parts: SplitResult) -> ssl.SSLContext | None:
        if parts.scheme.lower() != "https":
            return None
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if not self.verify:
                self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        return self._tls


class _Connection(http.client.HTTPConnection):
    """A connection whose every wait ends at a deadline.

    Attributes:
        plain: the socket, without the deadline.
    """

    plain: socket.socket

    def __init__(self, parts: SplitResult, deadline: Deadline, tls: ssl.SSLContext | None) -> None:
        self._to = (parts.hostname or "", parts.port or (443 if tls else 80))
        super().__init__(*self._to)
        self._deadline, self._tls = deadline, tls

    def connect(self) -> None:
        plain = socket.create_connection(self._to, self._deadline.left())
        try:
            plain.settimeout(self._deadline.left())
            self.plain = self._tls.wrap_socket(plain, server_hostname=self._to[0]) if self._tls else plain
        except BaseException:
            plain.close()
            raise
        self.sock = _LimitedSocket(self.plain, self._deadline)


class _LimitedSocket:
    """What ``http.client`` uses of a socket, with a deadline."""

    def __init__(self, plain: socket.socket, deadline: Deadline) -> None:
        self._plain, self._deadline = plain, deadline

    def sendall(self, data: bytes) -> None:
        self._plain.settimeout(self._deadline.left())
        self._plain.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_LimitedReader(self._plain, self._deadline))

    def close(self) -> None:
        self._plain.close()


class _LimitedReader(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, plain: socket.socket, deadline: Deadline) -> None:
        self._plain, self._deadline = plain, deadline
        self._raw = plain.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._plain.settimeout(self._deadline.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def client(address: str, name: str, verify: bool, timeout: float) -> Client:
    """Return the client for an address that may hold a user and a password."""
    parts = urlsplit(address)
    login = None
    if parts.username is not None:
        login = Login(unquote(parts.username), unquote(parts.password or ""))
    asked = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Client(asked, name, login, verify, timeout)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme.lower(), parts.hostname, parts.port


def _reason(error: Exception) -> str:
    """Return why there is no answer, without the address, which may hold a password."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"the answer is no HTTP ({type(error).__name__})"
