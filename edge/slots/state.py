"""``state.json`` keeps what happened to an application's releases. Which one is in use is told by the link alone."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edge.slots import durable
from edge.slots.layout import App

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """What is known of one release.

    Attributes:
        release: the name of its folder.
        bundle: the bundle's name.
        version: the version of a signed bundle; None for others.
        manifest: the SHA-256 digest of the bundle's manifest.
        deployed: when it was put here, in seconds since 1970.
        confirmed: whether it has run: its service started, or it passed the check after the switch.
        attempts: how often its service was started while it was not confirmed.
        measured: what the health check found.
    """

    release: str
    bundle: str
    version: int | None = None
    manifest: str = ""
    deployed: float = 0.0
    confirmed: bool = False
    attempts: int = 0
    measured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The history of an application.

    Attributes:
        entries: the releases that are on the device, in the order in which they were last switched to.
        highest_version: the highest version of a signed bundle that was ever confirmed here; None before the first.
        highest_manifest: the digest of the manifest with that version.
    """

    entries: tuple[Entry, ...] = ()
    highest_version: int | None = None
    highest_manifest: str = ""

    def entry(self, release: str) -> Entry | None:
        """Return what is known of a release, or None."""
        return next((entry for entry in self.entries if entry.release == release), None)

    def with_latest(self, entry: Entry) -> "State":
        """Return the state with ``entry`` as the latest, in place of an earlier one of this release."""
        return replace(self, entries=(*(e for e in self.entries if e.release != entry.release), entry))

    def with_changed(self, release: str, **changes: Any) -> "State":
        """Return the state with fields of a release's entry changed."""
        return replace(self, entries=tuple(replace(e, **changes) if e.release == release else e for e in self.entries))

    def without(self, release: str) -> "State":
        """Return the state without a release."""
        return replace(self, entries=tuple(e for e in self.entries if e.release != release))

    def with_confirmed(self, release: str) -> "State":
        """Return the state in which a release has run, with its version counted."""
        state = self.with_changed(release, confirmed=True, attempts=0)
        entry = state.entry(release)
        if entry is None or entry.version is None or entry.version < (state.highest_version or 0):
            return state
        return replace(state, highest_version=entry.version, highest_manifest=entry.manifest)


def now() -> float:
    """Return the present time, in whole seconds since 1970."""
    return float(round(time.time()))


def read(app: App) -> State:
    """Return the state. A missing or damaged file counts as no history, because it must not keep a device from working.

    A lost file loses the highest version too; what is in use is told by the link.
    """
    try:
        raw = json.loads(app.state.read_text(encoding="utf-8"))
        entries = tuple(_entry(row) for row in raw["entries"])
        highest = raw["highest_version"]
        return State(entries, None if highest is None else int(highest), str(raw.get("highest_manifest", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return State()


def _entry(row: Mapping[str, Any]) -> Entry:
    """Return the entry of its JSON form, without fields that a later version added.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: a value is missing or of another type.
    """
    version, measured = row.get("version"), dict(row.get("measured", {}))
    return Entry(
        str(row["release"]),
        str(row["bundle"]),
        None if version is None else int(version),
        str(row.get("manifest", "")),
        float(row.get("deployed", 0.0)),
        row.get("confirmed") is True,
        int(row.get("attempts", 0)),
        measured,
    )


def write(app: App, state: State) -> None:
    """Write the state, completely or not at all."""
    content = {"schema": SCHEMA, **asdict(state)}
    durable.write(app.state, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
