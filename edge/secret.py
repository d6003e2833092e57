"""Passwords are named, not written: ``reveal`` puts those of the environment or of a file in their place.

reveal("mqtt://me:${MQTT_PASSWORD}@broker.local")
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from edge.errors import FileError, InputError

_HIDDEN = "***"

_SECRET_KEYS = re.compile(r"(?i)([?&;][a-z_]*(?:user?|pass?|passw(?:or)?d|pwd?|token|secret|key|auth|login)=)[^&;#]*")
"""Parts of a query that hold a user, a password or a key, as the snapshot addresses of many cameras do."""

_SECRET_NAME = re.compile(r"(?i)pass|token|secret|auth|cookie|api.?key")
"""Names of options whose values are secrets."""

_NAMED = re.compile(r"\$\{(file:)?([^}]*)\}")


def is_secret(name: str) -> bool:
    """Return whether the value of an option with this name is a secret."""
    return _SECRET_NAME.search(name) is not None


def reveal(text: str, quoted: bool = False) -> str:
    """Return ``text`` with its named secrets filled in.

    Args:
        text: may contain ``${NAME}`` for a variable of the environment, and ``${file:PATH}`` for the content of a file
            without the line end.
        quoted: whether to percent-encode what is filled in, as the user and password of an address need it.

    Raises:
        InputError: the environment has no such variable.
        FileError: a file cannot be read.
    """

    def value(match: re.Match[str]) -> str:
        found = _file(match[2]) if match[1] else _variable(match[2])
        return quote(found, safe="") if quoted else found

    return _NAMED.sub(value, text)


def without_secret(address: str) -> str:
    """Return a URL without its user and password."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def named(address: str, new_name: Callable[[], str]) -> str:
    """Return a URL with a named variable in the place of each password that is written in it.

    Args:
        address: the URL.
        new_name: returns another name of a variable for each password.
    """

    def variable(match: re.Match[str]) -> str:
        return match[0] if _NAMED.search(match[0]) else f"{match[1]}${{{new_name()}}}"

    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    if at and colon and password and not _NAMED.search(password):
        address = urlunsplit(parts._replace(netloc=f"{name}:${{{new_name()}}}@{host}"))
    return _SECRET_KEYS.sub(variable, address)


def shown(address: str) -> str:
    """Return a URL as people may see it: without user and password, and with ``***`` for every other secret.

    Args:
        address: may name secrets as ``reveal`` fills them in.
    """
    return _SECRET_KEYS.sub(rf"\1{_HIDDEN}", without_secret(_NAMED.sub(_HIDDEN, address)))


def _variable(name: str) -> str:
    if name not in os.environ:
        raise InputError(f"the environment must have the variable {name!r}, which is named as ${{{name}}}; set it")
    return os.environ[name]


def _file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"the secret in {path!r} cannot be read: {reason}") from error
