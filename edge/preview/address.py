"""The address on which the preview listens, and the host names under which browsers may ask for it."""

import ipaddress
import re
import socket
from dataclasses import dataclass

from edge.errors import InputError

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8080

_FORM = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*)(?::(?P<port>[0-9]{1,5}))?")
_EXPECTED = "the preview's address must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080"


@dataclass(frozen=True)
class Address:
    """A host and a port.

    Attributes:
        host: a name or an IP address, without brackets.
        port: the port. 0 takes a free one.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches the address."""
        literal = _literal(self.host)
        return self.host == "localhost" if literal is None else literal.is_loopback

    @property
    def is_any(self) -> bool:
        """Whether the address stands for all addresses of this machine."""
        literal = _literal(self.host)
        return literal is not None and literal.is_unspecified


def parse(text: str) -> Address:
    """Return the address that ``HOST:PORT``, ``HOST``, ``:PORT`` or ``PORT`` states. Raises InputError for others."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{_EXPECTED}, got {text!r}")
    host, port = found["host"].strip("[]"), found["port"]
    if port is None and host.isdecimal():
        host, port = "", host
    number = int(port) if port else DEFAULT_PORT
    if number > 65535:
        raise InputError(f"{_EXPECTED}, with a port of at most 65535, got {text!r}")
    return Address(host or DEFAULT_HOST, number)


def listen(address: Address) -> socket.socket:
    """Return a socket that listens on an address. Raises InputError when the address cannot be used."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(address, error) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place)
        opened.listen(64)
    except OSError as error:
        opened.close()
        raise _refused(address, error) from error
    opened.setblocking(False)
    return opened


def _refused(address: Address, error: OSError) -> InputError:
    why = error.strerror or str(error)
    return InputError(f"the preview cannot listen on {address.host} port {address.port}: {why}; give another HOST:PORT")


def reachable(address: Address) -> str:
    """Return the host to show to people: for an address of all interfaces, that of the usual way out of here."""
    if not address.is_any:
        return address.host
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; it only looks up the route
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def url(host: str, port: int) -> str:
    """Return the URL of the page."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class Hosts:
    """The values of the ``Host`` header that are answered.

    A page of another site can have its own name resolve to this machine (DNS rebinding), and would then read what the
    preview answers. The ``Host`` header still holds that page's name, so that unknown names are refused. An IP address
    cannot be rebound.
    """

    def __init__(self, address: Address, names: tuple[str, ...] = ()) -> None:
        """Store what is allowed.

        Args:
            address: the address that the preview listens on.
            names: more names, such as ``raspberrypi.local`` or that of a reverse proxy.
        """
        self._names = {"localhost", address.host.lower(), *(name.lower().rstrip(".") for name in names)}
        self._loopback, self._any = address.is_loopback, address.is_any

    def allows(self, header: str) -> bool:
        """Return whether a ``Host`` header names this server. Its port is not compared, because a proxy changes it."""
        found = _FORM.fullmatch(header)
        if found is None or not found["host"]:
            return False
        host = found["host"].strip("[]").lower().rstrip(".")
        literal = _literal(host)
        if literal is None or host in self._names:
            return host in self._names
        return self._any or (self._loopback and literal.is_loopback)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
