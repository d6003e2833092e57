"""The fastest way to run a bundle on a device, measured once and kept beside the bundle.

``pets.tuning.json`` lies beside ``pets`` (``pets.edge.tuning.json`` beside ``pets.edge``) and has one entry for each
kind of device. An entry holds the digest of the manifest it was measured with, so that it no longer counts after an
update of the bundle. ``edge.bench.autotune`` writes it.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.device import Device
from edge.runnable import MANIFEST

SCHEMA = 1


@dataclass(frozen=True)
class Tuning:
    """The fastest way to run a bundle.

    Attributes:
        backend: the name of the backend.
        threads: the number of threads.
        precision: the precision of the model file.
        median_ms: the median latency of a run, in milliseconds.
    """

    backend: str
    threads: int
    precision: str
    median_ms: float


def tuning_file(bundle: Path) -> Path:
    """Return the file that holds a bundle's tuning. A link is followed, because an update lets it point elsewhere."""
    real = bundle.resolve()
    return real.with_name(f"{real.name}.tuning.json")


def read_tuning(bundle: Path, device: Device) -> Tuning | None:
    """Return what was measured for this bundle on this kind of device, or None when there is nothing usable.

    A damaged file counts as absent, because it must not keep a camera from starting.
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
    """Return the entry of every device by its id.

    Raises:
        OSError: there is no tuning file, or it cannot be read.
        KeyError: a part of it is missing.
        TypeError: a part of it has another type.
        ValueError: it is not JSON, or has another schema.
        RecursionError: it is nested too deeply.
    """
    content = json.loads(tuning_file(bundle).read_text(encoding="utf-8"))
    if content["schema"] != SCHEMA:
        raise ValueError("another schema")
    return dict(content["devices"])


def fingerprint(bundle: Path) -> str:
    """Return the SHA-256 of the bundle's manifest, which holds the digest of every file.

    Raises:
        OSError: the bundle cannot be read.
        KeyError: the zip file has no manifest.
        BadZipFile: it is not a zip file.
    """
    if bundle.is_dir():
        manifest = (bundle / MANIFEST).read_bytes()
    else:
        with zipfile.ZipFile(bundle) as archive:
            manifest = archive.read(MANIFEST)
    return hashlib.sha256(manifest).hexdigest()
