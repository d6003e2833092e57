"""``Address`` is where a sink sends to. Its secrets are filled in, and never shown."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from edge.errors import InputError
from edge.labels import has_control
from edge.secret import reveal


@dataclass(frozen=True)
class Address:
    """The parts of a URL.

    Attributes:
        scheme: the scheme, such as ``https``.
        host: the name or number of the host, without brackets.
        port: the port.
        path: path and query, percent-encoded; may be empty.
        user: the user's name, or an empty text.
        password: the password, or an empty text.
    """

    scheme: str
    host: str
    port: int
    path: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The address for people: scheme, host and port. A path or query may hold a secret, as those of chats do."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse(text: str, ports: dict[str, int], example: str) -> Address:
    """Return the parts of a URL, with its secrets filled in (``edge.secret``).

    Args:
        text: the URL.
        ports: the schemes that are allowed, with the port of each.
        example: a URL for the message of an error. The given one is not shown, because it may hold a password.

    Raises:
        InputError: it is no such URL, or a variable is not set.
        FileError: a secret's file cannot be read.
    """
    revealed = reveal(text.strip(), quoted=True)
    parts = _split(revealed)
    if parts is None or parts.scheme not in ports or not parts.hostname or has_control(revealed) or " " in revealed:
        schemes = " or ".join(f"{scheme}://" for scheme in ports)
        raise InputError(f"the address must be {schemes} with a host, a port from 1 to 65535 and no spaces: {example}")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise InputError(f"the path of the address must be percent-encoded ASCII: {example}")
    port = parts.port or ports[parts.scheme]
    return Address(
        parts.scheme, parts.hostname, port, path, unquote(parts.username or ""), unquote(parts.password or "")
    )


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        return None if parts.port == 0 else parts
    except ValueError:
        return None
