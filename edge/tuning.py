"""The fastest way to run a bundle on a device, measured once and kept beside the bundle.

``pets.tuning.json`` stands beside ``pets`` (``pets.edge.tuning.json`` beside ``pets.edge``) and holds one
entry for each kind of device. It names the manifest it was measured with: after an update of the bundle the
entry no longer counts. ``edge.bench.autotune`` writes it.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.bundle import MANIFEST
from edge.device import Device

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
        row = read_all(bundle)[device.id]
        if row["manifest"] != fingerprint(bundle):
            return None
        found = Tuning(str(row["backend"]), int(row["threads"]), str(row["precision"]), float(row["median_ms"]))
        return found if found.threads >= 1 else None
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError, zipfile.BadZipFile):
        return None


def read_all(bundle: Path) -> dict[str, Any]:
    """Return every device's entry by its id. Raises OSError, KeyError, TypeError, ValueError or RecursionError."""
    content = json.loads(tuning_file(bundle).read_text(encoding="utf-8"))
    if content["schema"] != SCHEMA:
        raise ValueError("another schema")
    return dict(content["devices"])


def fingerprint(bundle: Path) -> str:
    """Return the SHA-256 of the bundle's manifest, which holds the digest of every file.

    Raises OSError, KeyError or BadZipFile when there is none.
    """
    if bundle.is_dir():
        manifest = (bundle / MANIFEST).read_bytes()
    else:
        with zipfile.ZipFile(bundle) as archive:
            manifest = archive.read(MANIFEST)
    return hashlib.sha256(manifest).hexdigest()
