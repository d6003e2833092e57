"""A stand-in for systemd, as far as a service of type notify needs it, because no test may have the machine's own.

``install`` puts a ``systemctl`` and a ``journalctl`` into a folder for PATH. The first reads the real unit file and
does what systemd.service(5) says: ExecStartPre, ExecStart with NOTIFY_SOCKET and WATCHDOG_USEC, READY=1 within
TimeoutStartSec, ExecStartPost, then Restart=always and the watchdog. Each service has a process that watches it.
"""

import configparser
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

LONGEST_S = 300.0
"""How long a service may run at all: nothing outlives the tests."""


def install(folder: Path) -> dict[str, str]:
    """Write both programs, and return the environment that finds them."""
    bin_folder, units, state = folder / "bin", folder / "units", folder / "state"
    for one in (bin_folder, units, state):
        one.mkdir(parents=True, exist_ok=True)
        one.chmod(0o755)
    for name in ("systemctl", "journalctl"):
        program = bin_folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} {units} {state} "$@"\n')
        program.chmod(0o755)
    return {"PATH": f"{bin_folder}:{os.environ['PATH']}", "EDGE_UNITS": str(units)}


def stop_all(folder: Path) -> None:
    """End every service."""
    for path in (folder / "units").glob("*.service"):
        _stop(folder / "state" / path.name)


class Unit:
    """A unit file."""

    def __init__(self, path: Path) -> None:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read(path)
        self.service = parser["Service"]

    def seconds(self, key: str) -> float:
        return float(self.service.get(key, "90"))

    def command(self, key: str) -> list[str]:
        return shlex.split(self.service[key].lstrip("-+"))

    def ignores_failure(self, key: str) -> bool:
        return "-" in self.service[key].split("/")[0]

    def environment(self) -> dict[str, str]:
        given = dict(one.split("=", 1) for one in shlex.split(self.service.get("Environment", "")))
        return {**os.environ, **given}


def _stop(state: Path) -> None:
    try:
        pid = int((state / "pid").read_text())
    except (OSError, ValueError):
        return
    try:
        os.kill(pid, signal.SIGTERM)
        for _ in range(200):
            os.kill(pid, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        pass


def _watch(unit: Unit, state: Path) -> None:
    """Run a service until SIGTERM, as its manager."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    name = f"edge-test-{os.getpid()}"  # abstract: the path of a test's folder may be longer than a socket's may be
    notify.bind(f"\0{name}")
    notify.settimeout(0.1)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    environment = {**unit.environment(), "NOTIFY_SOCKET": f"@{name}"}
    environment["WATCHDOG_USEC"] = str(int(unit.seconds("WatchdogSec") * 1e6))
    end, restarts = time.monotonic() + LONGEST_S, 0
    while not ended and time.monotonic() < end:
        _note(state, "activating", restarts)
        _run_once(unit, state, notify, environment, ended, restarts, end)
        restarts += 1
        for _ in range(5):
            if not ended:
                time.sleep(0.1)
    _note(state, "inactive", restarts)


def _run_once(unit, state, notify, environment, ended, restarts, end):
    log = (state / "log").open("ab")
    before = subprocess.run(unit.command("ExecStartPre"), env=environment, stdout=log, stderr=log)
    if before.returncode and not unit.ignores_failure("ExecStartPre"):
        return
    child = subprocess.Popen(unit.command("ExecStart"), env=environment, stdout=log, stderr=log, cwd=state)
    (state / "main").write_text(str(child.pid))
    ready, seen, begin = False, time.monotonic(), time.monotonic()
    while child.poll() is None and not ended and time.monotonic() < end:
        try:
            message = notify.recv(4096).decode()
        except TimeoutError:
            message = ""
        if message:
            with (state / "notified").open("a") as file:
                file.write(f"{time.monotonic() - begin:.3f} {message}\n")
        if message.startswith("READY=1") and not ready:
            ready, seen = True, time.monotonic()
            subprocess.run(unit.command("ExecStartPost"), env=environment, stdout=log, stderr=log, check=False)
            _note(state, "active", restarts)
        if message.startswith("WATCHDOG=1"):
            seen = time.monotonic()
        late = time.monotonic() - seen > unit.seconds("WatchdogSec" if ready else "TimeoutStartSec")
        if late:
            _end(child, signal.SIGABRT if ready else signal.SIGTERM)
    if child.poll() is None:
        _end(child, signal.SIGTERM)
    if not ready:
        _note(state, "failed", restarts)


def _end(child, number):
    child.send_signal(number)
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _note(state: Path, value: str, restarts: int) -> None:
    temporary = state / "active.partial"
    temporary.write_text(json.dumps({"state": value, "restarts": restarts}))
    temporary.rename(state / "active")


def _noted(state: Path) -> dict:
    try:
        return json.loads((state / "active").read_text())
    except (OSError, ValueError):
        return {"state": "inactive", "restarts": 0}


def _restart(unit_file: Path, state: Path) -> int:
    _stop(state)
    state.mkdir(parents=True, exist_ok=True)
    (state / "active").unlink(missing_ok=True)
    if os.fork() == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        (state / "pid").write_text(str(os.getpid()))
        _watch(Unit(unit_file), state)
        os._exit(0)
    end = time.monotonic() + Unit(unit_file).seconds("TimeoutStartSec")
    while time.monotonic() < end:
        value = _noted(state)["state"]
        if value in ("active", "failed"):
            break
        time.sleep(0.02)
    if _noted(state)["state"] == "active":
        return 0
    print(f"Job for {unit_file.name} failed because the control process exited with error code.", file=sys.stderr)
    return 1


def systemctl(units: Path, states: Path, arguments: list[str]) -> int:
    verb, name = arguments[0], arguments[-1]
    with (states / "calls").open("a") as file:
        file.write(" ".join(arguments) + "\n")
    if verb == "restart":
        return _restart(units / name, states / name)
    if verb == "is-active":
        print(_noted(states / name)["state"])
    if verb == "show":
        print(_noted(states / name)["restarts"])
    if verb == "disable" and "--now" in arguments:
        _stop(states / name)
    return 0


def journalctl(states: Path, arguments: list[str]) -> int:
    name, count = arguments[arguments.index("-u") + 1], int(arguments[arguments.index("-n") + 1])
    log = states / name / "log"
    print("\n".join(log.read_text().splitlines()[-count:]) if log.exists() else "-- No entries --")
    return 0


if __name__ == "__main__":
    program, unit_folder, state_folder, *rest = sys.argv[1:]
    if program == "systemctl":
        raise SystemExit(systemctl(Path(unit_folder), Path(state_folder), rest))
    raise SystemExit(journalctl(Path(state_folder), rest))
