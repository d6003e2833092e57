"""A device's root folder with a runtime that is this Python, and bundles on their way to it."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

from edge.bundle import open_bundle
from edge.deploy.push import transfer
from edge.slots import incoming, release, runtimes, switch
from edge.slots.layout import App
from edge.slots.lock import locked
from edge.slots.release import Request, Service

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "models" / "weights"
RUNTIME = "this-python"
NO_SERVICE = Service(enabled=False)


def make(root: Path) -> App:
    """Return an application on a new device."""
    program = root / "runtimes" / RUNTIME / "bin" / "python"
    program.parent.mkdir(parents=True)
    # A link would be no virtual environment, and not find the packages.
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT}:$PYTHONPATH exec {sys.executable} "$@"\n')
    program.chmod(0o755)
    runtimes.adopt(root, RUNTIME)
    return App(root, "camera")


def released(name: str):
    """Return the opened released bundle of a network."""
    return open_bundle(WEIGHTS / f"{name}_int8.edge")


def request_for(bundle, **changes) -> Request:
    return replace(Request(transfer.wanted(bundle.root), RUNTIME, NO_SERVICE), **changes)


def stream(bundle, rows, cut: int | None = None) -> io.BytesIO:
    """Return what the workstation sends for ``rows``, or only its first ``cut`` bytes."""
    out = io.BytesIO()
    paths = {one.sha256: bundle.root / one.name for one in transfer.wanted(bundle.root)}
    for row in rows:
        out.write(json.dumps(row).encode() + b"\n" + paths[row["sha256"]].read_bytes()[row["offset"] :])
    return io.BytesIO(out.getvalue()[:cut])


def send(app: App, bundle) -> None:
    with locked(app):
        incoming.receive(app, stream(bundle, incoming.missing(app, transfer.wanted(bundle.root))))


def deploy(app: App, bundle, **changes) -> dict:
    """Put a bundle on the device, as the workstation does."""
    send(app, bundle)
    with locked(app):
        return switch.activate(app, request_for(bundle, **changes))


def in_use(app: App) -> str:
    """Return the name of the network in use, verified."""
    name = switch.current(app)
    assert name is not None
    return release.verified(app, name).manifest.name
