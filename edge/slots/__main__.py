"""The agent: one command, one JSON object. The workstation calls it over SSH, and the unit before and after a start."""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.errors import EdgeError
from edge.slots import calls, incoming, keys, release, service, state, switch
from edge.slots.layout import DEFAULT_ROOT, App
from edge.slots.lock import locked
from edge.slots.release import Request


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the agent.

    Returns:
        0; else the exit code of the error, whose line is in the answer's ``error``.
    """
    parser = argparse.ArgumentParser(prog="python -m edge.slots", description=__doc__)
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help=f"the root folder (default {DEFAULT_ROOT})")
    parser.add_argument("app", help="the application's name")
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("--release", help="of rollback: the release to go back to")
    arguments = parser.parse_args(argv)
    os.environ["EDGE_TRUST"] = str(arguments.root / "trust")  # as the service, so that both refuse the same
    os.umask(0o022)  # the service's own user reads what is written here
    try:
        answer = COMMANDS[arguments.command](App(arguments.root, arguments.app), arguments)
    except EdgeError as error:
        print(json.dumps({"error": " ".join(str(error).split()), "exit_code": error.exit_code}))
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(json.dumps({"error": f"the device refuses: {where}{error.strerror or error}", "exit_code": 2}))
        return 2
    except Exception as error:  # the workstation gets one line of whatever it was
        print(json.dumps({"error": f"unexpected {type(error).__name__}: {error}", "exit_code": 3}))
        return 3
    if answer is not None:  # the journal needs no line for what is as it should be
        print(json.dumps(answer))
    return 0


def _request() -> Request:
    return Request.of_json(calls.line(calls.given()))


def _missing(app: App, _: argparse.Namespace) -> Any:
    request = _request()
    with locked(app):
        return {"missing": incoming.missing(app, request.files)}


def _receive(app: App, _: argparse.Namespace) -> Any:
    with locked(app):
        return {"received": incoming.receive(app, calls.given())}


def _activate(app: App, _: argparse.Namespace) -> Any:
    request = _request()
    with locked(app):
        return switch.activate(app, request)


def _rollback(app: App, arguments: argparse.Namespace) -> Any:
    with locked(app):
        return switch.rollback(app, arguments.release)


def _starting(app: App, _: argparse.Namespace) -> Any:
    # While a deploy holds the lock, it starts the service itself, and counts nothing.
    back = switch.starting(app) if not _deploying(app) else None
    return None if back is None else {"release": back, "why": "the one in use never ran, and was started too often"}


def _started(app: App, _: argparse.Namespace) -> None:
    if not _deploying(app):
        switch.confirm(app)


def _deploying(app: App) -> bool:
    try:
        with locked(app, 0.0):
            return False
    except EdgeError:
        return True


def _trust(app: App, _: argparse.Namespace) -> Any:
    added, removed, signed_only = keys.of_json(calls.line(calls.given()))
    with locked(app):
        return keys.change(app.root, added, removed, signed_only)


def _status(app: App, _: argparse.Namespace) -> Any:
    """Return what runs, verified: every digest of the release in use is compared."""
    known, name = state.read(app), switch.current(app)
    entry = known.entry(name) if name else None
    verified, why = False, "no release is in use"
    if name is not None:
        try:
            release.verified(app, name)
            verified, why = True, ""
        except EdgeError as error:
            why = " ".join(str(error).split())
    runtime = (app.slot(name) / "runtime").resolve().name if name else None
    return {
        "release": name,
        "bundle": entry.bundle if entry else None,
        "version": entry.version if entry else None,
        "confirmed": bool(entry and entry.confirmed),
        "deployed": entry.deployed if entry else None,
        "measured": dict(entry.measured) if entry else {},
        "verified": verified,
        "why": why,
        "runtime": runtime,
        "service": service.state(app),
        "restarts": service.restarts(app),
        "highest_version": known.highest_version,
    }


def _list(app: App, _: argparse.Namespace) -> Any:
    known, name = state.read(app), switch.current(app)
    on_disk = set(release.names(app))
    rows = [
        {
            "release": e.release,
            "bundle": e.bundle,
            "version": e.version,
            "deployed": e.deployed,
            "confirmed": e.confirmed,
            "current": e.release == name,
            "median_ms": e.measured.get("median_ms"),
        }
        for e in known.entries
        if e.release in on_disk
    ]
    return {"releases": rows}


COMMANDS: dict[str, Callable[[App, argparse.Namespace], Any]] = {
    "activate": _activate,
    "list": _list,
    "missing": _missing,
    "receive": _receive,
    "rollback": _rollback,
    "started": _started,
    "starting": _starting,
    "status": _status,
    "trust": _trust,
}

if __name__ == "__main__":
    raise SystemExit(main())
