"""From one release to another: check, one rename, check again, and back if that fails."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from edge import files, trust
from edge.errors import EdgeError, GateFailed, InputError
from edge.slots import durable, health, release, runtimes, service, state
from edge.slots.layout import App
from edge.slots.release import Request
from edge.slots.state import Entry, State

MOST_ATTEMPTS = 3
"""How often the service of a release that never ran is started before the one before it comes back."""


def current(app: App) -> str | None:
    """Return the name of the release in use, or None when there is none."""
    try:
        return app.current.readlink().name
    except OSError:
        return None


def activate(app: App, request: Request) -> dict[str, Any]:
    """Make a release of received files, prove it, and switch to it. The caller holds the lock.

    Returns:
        ``release``, ``bundle``, ``version``, ``measured``, ``previous``, and ``started_s`` for a service.

    Raises:
        FileError, InputError: the bundle is damaged, not trusted, or older than a signed one that ran here. Nothing
            has changed then.
        GateFailed: it does not pass its health check, or its service does not start. The message says what runs now.
    """
    name, before, known = request.release, current(app), state.read(app)
    try:
        bundle = release.assemble(app, request)
        version = _version(known, trust.signed_version(bundle), request.manifest)
        measured = health.check(app.slot(name), request.max_latency_ms)
    except BaseException as error:
        _drop(app, name, before, known)
        if isinstance(error, GateFailed):
            raise GateFailed(f"{error}; {_still(before)}") from error
        raise
    entry = Entry(name, bundle.manifest.name, version, request.manifest, state.now(), measured=measured)
    earlier = known.entry(name)
    latest = known.with_latest(entry).with_changed(name, confirmed=bool(earlier and earlier.confirmed))
    state.write(app, latest)
    durable.link(app.current, f"slots/{name}")
    started = _prove(app, request, before, latest)
    confirm(app)
    prune(app, request.keep)
    told = {"release": name, "bundle": entry.bundle, "version": version, "previous": before, "measured": measured}
    return {**told, "started_s": started}


def _version(known: State, version: int | None, manifest: str) -> int | None:
    """Return the version of a bundle, when it may be switched to."""
    if version is not None and version == known.highest_version and manifest != known.highest_manifest:
        raise InputError(
            f"a version must stand for one content: another with version {version} ran here; sign it again"
        )
    if version is not None and known.highest_version is not None and version < known.highest_version:
        raise InputError(
            f"a signed bundle must have at least version {known.highest_version}, which ran on this device, it has "
            f"{version}; edge-deploy rollback goes back to a release that is still there"
        )
    return version


def _prove(app: App, request: Request, before: str | None, latest: State) -> float | None:
    """Start the service, or check the release through the link. Go back if that fails."""
    try:
        started = _run(app, request.release)
        if started is None:
            health.check(app.current, request.max_latency_ms)
        return started
    except BaseException as error:  # whatever it is, what did not prove itself must not stay
        begin = time.monotonic()
        now = _back(app, request.release, before, latest)
        took = time.monotonic() - begin
        if not isinstance(error, Exception):
            raise
        said = error if isinstance(error, EdgeError) else f"unexpected {type(error).__name__}: {error}"
        raise GateFailed(f"{said}; {now} (rolled back in {took:.1f} s)") from error


def _back(app: App, failed: str, before: str | None, latest: State) -> str:
    """Undo a switch, and return what runs now."""
    said = _still(before)
    if before is None:
        service.stop(app)
        files.remove(app.current)
    else:
        durable.link(app.current, f"slots/{before}")
        try:
            _run(app, before, steady=False)
        except EdgeError as error:
            said = f"release {before} is in use again, but {error}"
    if failed != before:
        durable.discard(app.slot(failed))
        state.write(app, latest.without(failed))
    return said


def _run(app: App, name: str, *, steady: bool = True) -> float | None:
    """Start the service of the release in use, or stop that of the one before it. Return the seconds of a start."""
    if release.service(app, name).enabled:
        return round(service.start(app, name, steady=steady), 3)
    service.stop(app)
    return None


def _still(before: str | None) -> str:
    return f"release {before} is in use as before" if before else "no release is in use, as before"


def _drop(app: App, name: str, before: str | None, known: State) -> None:
    """Delete a release that did not pass, unless it is in use or has run."""
    entry = known.entry(name)
    if name != before and not (entry and entry.confirmed):
        durable.discard(app.slot(name))


def rollback(app: App, to: str | None = None) -> dict[str, Any]:
    """Go back to the release before the one in use, or to a named one. The caller holds the lock.

    A release that does not pass its health check is passed over.

    Args:
        app: the application.
        to: a release on the device; None takes the latest that ran before the one in use.

    Raises:
        InputError: there is no such release.
        GateFailed: none of them passes its health check.
    """
    known, before = state.read(app), current(app)
    candidates = [e.release for e in reversed(known.entries) if e.confirmed and e.release != before]
    on_disk = set(release.names(app))
    if to is not None:
        if to not in on_disk:
            raise InputError(f"release {to} is not on the device; it has {', '.join(sorted(on_disk)) or 'none'}")
        candidates = [to]
    refused = []
    for name in (one for one in candidates if one in on_disk):
        try:
            release.verified(app, name)
            measured = health.check(app.slot(name), None)
            return _go_back(app, name, before, known, measured)
        except EdgeError as error:
            refused.append(f"{name}: {error}")
    if refused:
        raise GateFailed(f"no release can be gone back to; {'; '.join(refused)}; {_still(before)}")
    raise InputError(f"there is no release to go back to; the device has {', '.join(sorted(on_disk)) or 'none'}")


def _go_back(app: App, name: str, before: str | None, known: State, measured: dict[str, Any]) -> dict[str, Any]:
    entry = known.entry(name) or Entry(name, release.verified(app, name).manifest.name, confirmed=True)
    # The one that was left goes behind the one in use, so that the next rollback goes further back, not to and fro.
    others = tuple(e for e in known.entries if e.release not in (name, before))
    left = known.entry(before) if before else None
    state.write(app, replace(known, entries=(*((left,) if left else ()), *others, entry)))
    durable.link(app.current, f"slots/{name}")
    try:
        started = _run(app, name)
    except BaseException:
        if before is not None:
            durable.link(app.current, f"slots/{before}")
            state.write(app, known)
            with suppress(EdgeError):  # the error above says more; status tells how the service is
                _run(app, before, steady=False)
        raise
    return {"release": name, "bundle": entry.bundle, "previous": before, "measured": measured, "started_s": started}


def confirm(app: App) -> None:
    """Note that the release in use has run."""
    name, known = current(app), state.read(app)
    if name and known.entry(name):
        confirmed = known.with_confirmed(name)
        if confirmed != known:
            state.write(app, confirmed)


def count_version(app: App, name: str) -> None:
    """Note the version of a release that has run, when a key that is trusted now signed it."""
    known = state.read(app)
    entry, version = known.entry(name), trust.signed_version(release.verified(app, name))
    if entry is None or version is None or entry.version == version:
        return
    counted = known.with_changed(name, version=version)
    state.write(app, counted.with_confirmed(name) if entry.confirmed else counted)


def starting(app: App) -> str | None:
    """Count a start of the service, and go back when a release that never ran was started too often.

    The unit calls this before each start, so that a device without a workstation, or one that lost its power in the
    middle of a deploy, comes back by itself.

    Returns:
        The release that was gone back to, or None.
    """
    name, known = current(app), state.read(app)
    entry = known.entry(name) if name else None
    if name is None or entry is None or entry.confirmed:
        return None
    if entry.attempts < MOST_ATTEMPTS:
        state.write(app, known.with_changed(name, attempts=entry.attempts + 1))
        return None
    earlier = next((e.release for e in reversed(known.entries) if e.confirmed and _is_sound(app, e.release)), None)
    if earlier is not None:
        durable.link(app.current, f"slots/{earlier}")
        state.write(app, known.without(name))
    return earlier


def _is_sound(app: App, name: str) -> bool:
    """Return whether a release is on the device, whole and trusted."""
    try:
        release.verified(app, name)
        return True
    except EdgeError:
        return False


def prune(app: App, keep: int) -> None:
    """Delete the oldest releases until ``keep`` are left, the runtimes that no release uses, and broken leftovers."""
    durable.sweep(app.slots)
    durable.sweep(app.folder)
    known, used = state.read(app), current(app)
    # Those that never ran go first: no rollback takes them, and they must not push out one that it would take.
    order = [e.release for e in sorted(known.entries, key=lambda e: e.confirmed) if e.release != used]
    unknown = [name for name in release.names(app) if known.entry(name) is None and name != used]
    for name in unknown + order[: max(0, len(order) - (keep - 1))]:
        durable.discard(app.slot(name))
        known = known.without(name)
    state.write(app, known)
    for runtime in runtimes.unused(app.root):
        durable.discard(runtime)
