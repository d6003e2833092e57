"""``probe`` asks a device what it is, before anything is changed there, and refuses what cannot work in one line."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from edge.deploy.push.connection import Connection
from edge.errors import FileError, InputError

RUNTIME_BYTES = 450 << 20
"""What must be free to install a runtime: itself, and what pip unpacks beside it."""

MISSING = 127
"""The exit code of a shell that does not find the program."""

MOST_SKEW_S = 300.0
"""The largest difference of clocks. Beyond it times of results and of log lines mean nothing, and certificates fail."""


@dataclass(frozen=True)
class Facts:
    """A device as ``probe_script`` describes it.

    Attributes:
        prefix: what a command that changes the root folder begins with: nothing, or sudo.
        machine: the instruction set.
        python: the version of its python3.
        executable: the path of its python3.
        has_systemd: whether it runs services by systemd.
        free_bytes: the free space where the root folder is.
        runtime: the name of the runtime in use; empty when there is none.
        complete: the names of the runtimes that are whole.
        examined_s: how many seconds ago ``edge-doctor`` last examined it; infinite for never.
        trusts: whether it has trusted keys, so that its runtime must be able to check signatures.
        model: what the maker calls the board.
    """

    prefix: tuple[str, ...]
    machine: str
    python: tuple[int, ...]
    executable: str
    has_systemd: bool
    free_bytes: int
    runtime: str
    complete: tuple[str, ...]
    examined_s: float
    trusts: bool
    model: str


async def probe(connection: Connection, *, installs: bool = True) -> Facts:
    """Return what a device is.

    Args:
        connection: to the device.
        installs: whether something is to be put there. A rollback, or a look at a device, must not be refused for a
            wrong clock.

    Raises:
        InputError: the device cannot run the runtime, or this user may not change it.
        FileError: it has no python3, or the connection broke.
    """
    script = resources.files("edge.deploy.push").joinpath("probe_script.py").read_bytes()
    done = await connection.run(["python3", "-", str(connection.host.root)], script, 60.0)
    name = connection.host.name
    raw = done.answer()
    if raw is None:
        missing = done.code == MISSING
        mend = "there: sudo apt install python3 python3-venv" if missing else "does ssh run commands there?"
        raise FileError(f"{name}: its python3 does not run: {done.said}; {mend}")
    if installs:
        check(name, raw, time.time())
    return facts(name, str(connection.host.root), raw)


def check(name: str, raw: Mapping[str, Any], now: float) -> None:
    """Refuse a device that cannot run the runtime.

    Args:
        name: the device, for messages.
        raw: what ``probe_script`` printed.
        now: the time here, in seconds since 1970.

    Raises:
        InputError: it cannot; the message says what to do.
    """
    machine, python = str(raw["machine"]), tuple(int(part) for part in raw["python"])
    if raw["bits"] != 64 or machine not in ("aarch64", "arm64", "x86_64"):
        raise InputError(
            f"{name}: the device must run a 64-bit system on ARM or x86, it is {raw['bits']}-bit on {machine}: numpy, "
            "OpenCV and LiteRT have no wheels for it; install the 64-bit Raspberry Pi OS"
        )
    if not (3, 10) <= python[:2] <= (3, 13):
        shown = ".".join(map(str, python))
        raise InputError(f"{name}: the device must have Python 3.10 to 3.13, its python3 is {shown}; update its system")
    if not raw["has_venv"]:
        raise InputError(f"{name}: its Python cannot make virtual environments; there: sudo apt install python3-venv")
    if "musl" in str(raw["libc"]):
        raise InputError(f"{name}: the device must have glibc, it has {raw['libc']}; use a Debian or Raspberry Pi OS")
    skew = float(raw["time"]) - now
    if abs(skew) > MOST_SKEW_S:
        raise InputError(
            f"{name}: its clock must be right within {MOST_SKEW_S:g} s, it is {skew:+.0f} s off; there: "
            "sudo timedatectl set-ntp true"
        )


def facts(name: str, root: str, raw: Mapping[str, Any]) -> Facts:
    """Return the facts of a device that this user may change.

    Args:
        name: the device, for messages.
        root: the root folder on it.
        raw: what ``probe_script`` printed.

    Raises:
        InputError: the user may not write the root folder.
    """
    if raw["root_refused"] and raw["sudo_refused"]:
        raise InputError(
            f"{name}: {root} cannot be written ({raw['root_refused']}), and not by sudo without a password "
            f"({raw['sudo_refused']}); allow one of them, or give a folder of your own with --root and --no-service"
        )
    return Facts(
        prefix=("sudo", "-n") if raw["root_refused"] else (),
        machine=str(raw["machine"]),
        python=tuple(int(part) for part in raw["python"]),
        executable=str(raw["executable"]),
        has_systemd=bool(raw["has_systemd"]),
        free_bytes=int(raw["free_bytes"]),
        runtime=str(raw["runtime"]),
        complete=tuple(map(str, raw["complete"])),
        examined_s=float(raw["examined_s"]) if raw["examined_s"] >= 0 else math.inf,
        trusts=bool(raw["trusts"]),
        model=str(raw["model"]),
    )
