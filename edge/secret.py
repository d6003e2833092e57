"""Passwords are named, not written: ``reveal`` puts those of the environment or of a file in their place.

reveal("mqtt://me:${MQTT_PASSWORD}@broker.local")
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from edge.errors import FileError, InputError

_HIDDEN = "***"

_SECRET_KEYS = re.compile(
    r"(?i)([?&;#][^=&;#?]*?(?:user?|usr|username|pass?|passw(?:or)?d|passphrase|pwd?|token|secret|key|auth|login)"
    r"(?:[^a-z=&;#]|%5[bd])*=)[^&;#]*"
)
"""Parts of a query that hold a user, a password or a key, as the snapshot addresses of many cameras do. Digits, signs
and brackets may follow the word: ``pass1``, ``a[pwd]``."""

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
    """Return a URL without its user and password: without what stands between ``://`` and the last ``@``.

    The last ``@`` of the whole text counts, because ``/``, ``#`` and ``?`` end the host, and people forget to encode
    them in a password. A text without ``://`` that may be a mistyped URL begins with ``***`` in their place.
    """
    begin, end = _login(address)
    return address[:begin] + (_HIDDEN if end > begin == 0 else "") + address[end + (begin > 0 and end > begin) :]


def named(address: str, new_name: Callable[[], str]) -> str:
    """Return a URL with a named variable in the place of each password that is written in it.

    Args:
        address: the URL. Any other text is allowed too.
        new_name: returns another name of a variable for each password.
    """

    def variable(match: re.Match[str]) -> str:
        return match[0] if _NAMED.search(match[0]) else f"{match[1]}${{{new_name()}}}"

    begin, end = _login(address)
    user, colon, password = address[begin:end].partition(":")
    if colon and password and not _NAMED.search(password):
        address = f"{address[:begin]}{user}:${{{new_name()}}}{address[end:]}"
    return _SECRET_KEYS.sub(variable, address)


def shown(address: str) -> str:
    """Return a URL as people may see it: without user and password, and with ``***`` for every other secret.

    Args:
        address: may name secrets as ``reveal`` fills them in. Any other text is allowed too.
    """
    return _SECRET_KEYS.sub(rf"\1{_HIDDEN}", without_secret(_NAMED.sub(_HIDDEN, address)))


def _login(address: str) -> tuple[int, int]:
    """Return where the user and password of a URL begin, and where their ``@`` is. Equal numbers: it has none."""
    at = _NAMED.sub(lambda match: " " * len(match[0]), address).rfind("@")
    begin = address.find("://") + 3
    if begin < 3 or begin > at:  # such as rtsp//me:password@host; a file's name may have an @
        begin = 0
        at = at if ":" in address[: max(0, at)] or "//" in address[: max(0, at)] else -1
    return begin, max(begin, at)


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
