"""The fastest way to run a bundle on a device, measured once and kept beside the bundle.

``pets.tuning.json`` stands beside ``pets`` (``pets.edge.tuning.json`` beside ``pets.edge``) and holds one
entry for each kind of device. It names the manifest it was measured with: after an update of the bundle the
entry no longer counts.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.bench.plan import Measurement
from edge.bundle import MANIFEST
from edge.device import Device
from edge.errors import FileProblem
from edge.files import replaced

SCHEMA = 1


@dataclass(frozen=True)
class Tuning:
    """What to run: a backend's name, its thread count and the precision of the file; median_ms measured so."""

    backend: str
    threads: int
    precision: str
    median_ms: float


def tuning_file(bundle: Path) -> Path:
    """Return where the tuning of a bundle is kept: beside what a link points to, as links move on update."""
    real = bundle.resolve()
    return real.with_name(f"{real.name}.tuning.json")


def read_tuning(bundle: Path, device: Device) -> Tuning | None:
    """Return what was measured for this bundle on this kind of device; None when nothing usable is there.

    A damaged file counts as absent: it costs speed, and must not keep a camera from starting.
    """
    try:
        row = _read_all(bundle)[device.id]
        if row["manifest"] != _fingerprint(bundle):
            return None
        found = Tuning(str(row["backend"]), int(row["threads"]), str(row["precision"]), float(row["median_ms"]))
        return found if found.threads >= 1 else None
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError, zipfile.BadZipFile):
        return None


def write_tuning(rows: Sequence[Measurement], device: Device) -> list[Path]:
    """Record the fastest row of each bundle among ``rows``; returns the files written.

    Entries of other devices are kept. Raises FileProblem when the folder cannot be written.
    """
    written = []
    for row in rows:
        if row.fastest and row.timing and row.job.precision:  # plain files have no precision and no tuning
            found = Tuning(row.job.backend, row.job.threads, row.job.precision, round(row.timing.median_ms, 4))
            written.append(_write(row.job.target, device, found, row.version))
    return written


def _write(bundle: Path, device: Device, found: Tuning, version: str) -> Path:
    try:
        devices = _read_all(bundle)
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        devices = {}
    try:
        entry = {**asdict(found), "version": version, "manifest": _fingerprint(bundle), "device": device.as_json()}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise FileProblem(f"bundle {bundle} cannot be read any more: {error}") from error
    path = tuning_file(bundle)
    content = {"schema": SCHEMA, "devices": {**devices, device.id: entry}}
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _read_all(bundle: Path) -> dict[str, Any]:
    content = json.loads(tuning_file(bundle).read_text(encoding="utf-8"))
    if content["schema"] != SCHEMA:
        raise ValueError("another schema")
    return dict(content["devices"])


def _fingerprint(bundle: Path) -> str:
    """Return the SHA-256 of the bundle's manifest, which holds the digest of every model file."""
    if bundle.is_dir():
        manifest = (bundle / MANIFEST).read_bytes()
    else:
        with zipfile.ZipFile(bundle) as archive:
            manifest = archive.read(MANIFEST)
    return hashlib.sha256(manifest).hexdigest()
