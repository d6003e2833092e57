"""The systemd service of an application: its unit file, and the calls of ``systemctl``."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from edge import files
from edge.errors import FileError, GateFailed
from edge.slots import durable, release, unit
from edge.slots.layout import App
from edge.slots.release import Service

UNITS = Path("/etc/systemd/system")
STEADY_S = 1.0
"""How long a service must stay up after it has reported that it is ready."""


def units() -> Path:
    """Return the folder of the unit files, which EDGE_UNITS replaces."""
    return Path(os.environ.get("EDGE_UNITS", UNITS))


def available() -> bool:
    """Return whether systemd runs services here."""
    return shutil.which("systemctl") is not None


def start(app: App, name: str, *, steady: bool = True) -> float:
    """Write the unit of a release, start it again, and wait until it has reported that it is ready.

    Args:
        app: the application.
        name: the release.
        steady: whether to look again a second later. A release that has run before needs no second look.

    Returns:
        How long the start took, in seconds.

    Raises:
        GateFailed: it does not start, or does not stay up.
        FileError: there is no systemd, or the unit cannot be written.
    """
    if not available():
        raise FileError("the device has no systemctl: a service needs systemd; deploy with --no-service")
    options = release.service(app, name)
    _write(app, options)
    begin = time.monotonic()
    done = _systemctl("restart", app.unit, longest_s=options.start_s + 30.0)
    took = time.monotonic() - begin
    if done.returncode:
        raise GateFailed(f"the service does not start: {_why(app, done.stderr)}")
    if steady:
        time.sleep(STEADY_S)
    if not active(app):
        raise GateFailed(f"the service started and ended again: {_why(app, '')}")
    return took


def stop(app: App) -> None:
    """Stop the service and take its unit away, where there is one."""
    path = units() / app.unit
    if path.exists() and available():
        _systemctl("disable", "--now", app.unit, longest_s=60.0)
        files.remove(path)
        _systemctl("daemon-reload", longest_s=60.0)


def active(app: App) -> bool:
    """Return whether the service runs."""
    return state(app) == "active"


def state(app: App) -> str:
    """Return what systemd says of the service, such as ``active`` or ``failed``; ``none`` where there is no unit."""
    if not (units() / app.unit).exists() or not available():
        return "none"
    return _systemctl("is-active", app.unit, longest_s=20.0).stdout.strip() or "unknown"


def restarts(app: App) -> int | None:
    """Return how often systemd has started the service again by itself; None where it does not say."""
    if state(app) == "none":
        return None
    shown = _systemctl("show", "--property=NRestarts", "--value", app.unit, longest_s=20.0).stdout.strip()
    return int(shown) if shown.isdecimal() else None


def _write(app: App, options: Service) -> None:
    path, content = units() / app.unit, unit.text(app, options).encode()
    if not path.exists() or path.read_bytes() != content:
        durable.write(path, content)
        _systemctl("daemon-reload", longest_s=60.0)
    _systemctl("enable", app.unit, longest_s=60.0)


def _systemctl(*arguments: str, longest_s: float) -> "subprocess.CompletedProcess[str]":
    try:
        return _run("systemctl", *arguments, longest_s=longest_s)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 1, "", f"systemctl {arguments[0]} took over {longest_s:g} s")


def _run(*command: str, longest_s: float) -> "subprocess.CompletedProcess[str]":
    """Run a program whose output may be anything, as what a service wrote is."""
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=longest_s)


def _why(app: App, said: str) -> str:
    """Return the last line that the service wrote, else what systemctl said."""
    own = [line.strip() for line in _journal(app).splitlines() if line.strip().startswith("edge-")]
    if own:
        return own[-1][:300]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0][:300] if lines else "systemd says no more; see edge-deploy logs"


def _journal(app: App) -> str:
    """Return the last lines of the service; nothing where the journal cannot be read in time."""
    try:
        return _run("journalctl", "-u", app.unit, "-n", "20", "--no-pager", "-o", "cat", longest_s=20.0).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
