"""A release: one bundle, the runtime that it runs in, and the options of its service, in one folder.

```
slots/<release>/bundle/        the bundle
slots/<release>/runtime        a link to the virtual environment
slots/<release>/service.json   the options of its service
```
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge import files
from edge.bundle import Bundle, open_bundle
from edge.errors import EdgeError, FileError, InputError
from edge.runnable import MANIFEST
from edge.slots import durable, incoming
from edge.slots.incoming import Wanted
from edge.slots.layout import App

NEW_SUFFIX = ".new.partial"
"""What the name of a release ends with until it is complete."""


@dataclass(frozen=True)
class Service:
    """How a release runs as a service.

    Attributes:
        enabled: whether there is a service at all.
        arguments: the options of ``edge-camera`` after the model.
        memory_mb: the most memory that it may take, in MiB; None for no limit.
        cpu_percent: the most processor time, 100 for one core; None for no limit.
        watchdog_s: how long the loop may be silent before the service is started again.
        start_s: how long a start may take.
    """

    enabled: bool = True
    arguments: tuple[str, ...] = ("--source", "0", "--quiet")
    memory_mb: int | None = None
    cpu_percent: int | None = None
    watchdog_s: int = 30
    start_s: int = 60

    @classmethod
    def of_json(cls, raw: Mapping[str, Any]) -> "Service":
        """Return the service of its JSON form. Raises InputError when a field is unknown or of another type."""
        try:
            made = cls(**{**raw, "arguments": tuple(raw.get("arguments", cls.arguments))})
        except TypeError as error:
            raise InputError(f"a service's options must be those of this version: {error}; update edgekit") from error
        made._check()
        return made

    def _check(self) -> None:
        """Raise InputError for a value that systemd would not take: it would be noticed after the switch only."""
        numbers = [self.watchdog_s, self.start_s, *(n for n in (self.memory_mb, self.cpu_percent) if n is not None)]
        if not all(type(number) is int and 0 < number < 1 << 31 for number in numbers):
            raise InputError(f"a service's limits and times must be whole numbers of at least 1, got {numbers}")
        if type(self.enabled) is not bool or not all(isinstance(one, str) for one in self.arguments):
            raise InputError(f"a service's arguments must be texts, got {self.arguments!r}")


@dataclass(frozen=True)
class Request:
    """What the workstation asks for: the files of a bundle, the runtime, the service and the check.

    Attributes:
        files: of the bundle.
        runtime: the folder of the runtime below ``runtimes``.
        service: how it runs.
        max_latency_ms: the longest median time of a run; None for no limit.
        keep: how many releases stay on the device, the one in use included.
    """

    files: tuple[Wanted, ...]
    runtime: str
    service: Service
    max_latency_ms: float | None = None
    keep: int = 3

    @classmethod
    def of_json(cls, raw: Mapping[str, Any]) -> "Request":
        """Return the request of its JSON form. Raises InputError for another form."""
        try:
            wanted = tuple(Wanted(str(r["name"]), int(r["bytes"]), str(r["sha256"])) for r in raw["files"])
            latency = None if raw["max_latency_ms"] is None else float(raw["max_latency_ms"])
            service = Service.of_json(raw["service"])
            runtime, keep = str(raw["runtime"]), int(raw["keep"])
        except EdgeError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"a request must be of this version: {error!r}; update edgekit") from error
        if "/" in runtime or runtime.startswith(".") or not runtime.isprintable() or not runtime:
            raise InputError(f"a runtime must be a plain folder name, got {runtime!r}")
        if keep < 1:
            raise InputError(f"at least one release must be kept, got {keep}")
        if latency is not None and not latency > 0:  # NaN is not, either
            raise InputError(f"the longest time of a run must be above 0 ms, got {latency:g}")
        return cls(wanted, runtime, service, latency, keep)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @property
    def manifest(self) -> str:
        """The SHA-256 digest of the bundle's manifest; empty when it has none, which opening it refuses."""
        return next((one.sha256 for one in self.files if one.name == MANIFEST), "")

    @property
    def release(self) -> str:
        """The release's name: equal content has equal names."""
        content = [sorted((f.name, f.sha256) for f in self.files), self.runtime, asdict(self.service)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def assemble(app: App, request: Request) -> Bundle:
    """Make the release of received files, and verify it whole, before anything else can see it.

    Returns:
        The opened bundle. When this release was already there, it is verified again.

    Raises:
        FileError, InputError: the bundle is damaged, not signed as it must be, or cannot be written.
    """
    final = app.slot(request.release)
    if final.exists():
        with suppress(FileError):
            return _opened(app, final)
    partial = final.with_name(f".{final.name}{NEW_SUFFIX}")  # not the name that `discard` gives
    durable.sweep(app.slots)
    try:
        bundle_folder = partial / "bundle"
        bundle_folder.mkdir(parents=True)
        incoming.take(app, request.files, bundle_folder)
        os.symlink(f"../../../../runtimes/{request.runtime}", partial / "runtime")
        durable.write(partial / "service.json", _json(asdict(request.service)))
        _opened(app, partial)
        durable.flush(partial)
        durable.discard(final)  # it is damaged, but stayed until its files were here again: it may be in use
        durable.rename(partial, final)
    except OSError as error:
        raise FileError(f"the device cannot write the release: {error.strerror or error}") from error
    finally:
        files.remove(partial)
    return _opened(app, final)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _opened(app: App, folder: Path) -> Bundle:
    if not (folder / "runtime" / "bin" / "python").exists():
        link = folder / "runtime"
        runtime = link.readlink().name if link.is_symlink() else "that it needs"
        raise FileError(f"the runtime {runtime} of release {_name(folder)} is not on the device; deploy again")
    return open_bundle(folder / "bundle")


def _name(folder: Path) -> str:
    """Return the name that a release has, or will have when it is complete."""
    return folder.name.removeprefix(".").removesuffix(NEW_SUFFIX)


def verified(app: App, release: str) -> Bundle:
    """Open a release that is on the device, with all its digests and its signature. Raises FileError or InputError."""
    return _opened(app, app.slot(release))


def service(app: App, release: str) -> Service:
    """Return how a release runs. Raises FileError when that is damaged."""
    path = app.slot(release) / "service.json"
    try:
        return Service.of_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FileError(f"release {release} has no usable service.json: {error}; deploy again") from error


def names(app: App) -> Sequence[str]:
    """Return the names of the complete releases on the device."""
    if not app.slots.is_dir():
        return []
    return sorted(path.name for path in app.slots.iterdir() if not path.name.startswith("."))
