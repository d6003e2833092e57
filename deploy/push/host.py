"""``Host`` is a device that can be reached, and how it is deployed to; ``inventory`` reads many from a TOML file."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from edge.errors import FileError, InputError, unknown_name
from edge.slots.layout import DEFAULT_ROOT, App

_ADDRESS = re.compile(r"(?:(?P<user>[^@\s:/]+)@)?(?P<name>\[[0-9a-fA-F:]+\]|[^@\s:/\[\]]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Host:
    """A device.

    Attributes:
        name: what messages call it.
        address: the host's name or address, or an alias of the user's SSH configuration.
        user: who logs in; None leaves that to the SSH configuration.
        port: of SSH; None leaves that to the SSH configuration.
        root: the root folder on the device.
        app: the application's name.
        source: what the service's camera is; None takes that of the command.
        canary: whether it is deployed to first, alone, before all others.
    """

    name: str
    address: str
    user: str | None = None
    port: int | None = None
    root: Path = DEFAULT_ROOT
    app: str = "camera"
    source: str | None = None
    canary: bool = False

    def __post_init__(self) -> None:
        App(self.root, self.app)  # refuses names and folders that a device would refuse

    @classmethod
    def parse(cls, text: str) -> "Host":
        """Return the host of ``user@host:port``; user and port may be left out. Raises InputError for another form."""
        found = _ADDRESS.fullmatch(text.removeprefix("ssh://"))
        if found is None or text.startswith("-"):
            raise InputError(f"a host must be given as user@host or user@host:port, got {text!r}")
        port = None if found["port"] is None else int(found["port"])
        if port is not None and not 0 < port < 65536:
            raise InputError(f"a port must be 1 to 65535, got {port}")
        return cls(text, found["name"].strip("[]"), found["user"], port)


def inventory(path: Path) -> list[Host]:
    """Read the hosts of an inventory file.

    ```
    [defaults]
    app = "door"

    [hosts.kitchen]
    to = "pi@kitchen.local"
    canary = true
    ```
    A host has ``to``, and may have ``app``, ``root``, ``source`` and ``canary``; ``[defaults]`` has them for all.

    Raises:
        FileError: the file cannot be read.
        InputError: it is not TOML of this form; the message names the line or the key.
    """
    raw = _toml(path)
    hosts, defaults = raw.pop("hosts", {}), raw.pop("defaults", {})
    if raw or not isinstance(hosts, dict) or not hosts or not isinstance(defaults, dict):
        raise InputError(
            f"{path}: an inventory must have [hosts.NAME] and may have [defaults], got {', '.join(raw) or 'none'}"
        )
    found = [_host(path, name, row, defaults) for name, row in hosts.items()]
    try:
        return distinct(found)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def distinct(hosts: Sequence[Host]) -> list[Host]:
    """Return the hosts. Raises InputError when two are the same device and application, or have the same name."""
    seen: dict[tuple[Any, ...], str] = {}
    for host in hosts:
        for key in ((host.address, host.user, host.port, host.root, host.app), (host.name,)):
            if key in seen:
                raise InputError(f"{host.name} is the same device and application as {seen[key]}; leave one out")
            seen[key] = host.name
    return list(hosts)


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise FileError(f"inventory {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"inventory {path} is not TOML: {error}") from error


_KEYS: Mapping[str, type] = {"to": str, "app": str, "root": str, "source": str, "canary": bool}
_WORDS: Mapping[type, str] = {str: "a text in quotes", bool: "true or false"}


def _host(path: Path, name: str, row: Any, defaults: Mapping[str, Any]) -> Host:
    if not isinstance(row, dict):
        raise InputError(
            f'{path}: hosts.{name} must be a table: [hosts.{name}], and to = "user@host" in it, got {row!r}'
        )
    where = f"{path}: hosts.{name}"
    given = {**defaults, **row}
    for key, value in given.items():
        if key not in _KEYS:
            raise InputError(f"{where}: {unknown_name('key', key, _KEYS)}")
        if type(value) is not _KEYS[key]:
            raise InputError(f"{where}: {key} must be {_WORDS[_KEYS[key]]}, got {value!r}")
    if "to" not in given:
        raise InputError(f'{where} must have to = "user@host"')
    if "root" in given:
        given["root"] = Path(given["root"])
    try:
        return replace(Host.parse(given.pop("to")), name=name, **given)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def chosen(to: Sequence[str], file: Path | None, only: Sequence[str]) -> list[Host]:
    """Return the hosts of a command's options.

    Args:
        to: hosts as ``user@host``.
        file: an inventory.
        only: names of the inventory; empty for all.

    Raises:
        InputError: there is no host, or a name is not in the inventory.
    """
    listed = [] if file is None else inventory(file)
    if only and file is None:
        raise InputError("--only names devices of an inventory: give --inventory FILE, too")
    known = {host.name for host in listed}
    for name in only:
        if name not in known:
            raise unknown_name("host", name, known)
    found = [Host.parse(one) for one in to] + [h for h in listed if not only or h.name in only]
    if not found:
        raise InputError("a device must be given: --to USER@HOST or --inventory FILE")
    return found


FIELDS = tuple(field.name for field in fields(Host))
