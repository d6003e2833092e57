"""Autotune: record the fastest way to run a bundle that a measurement found. ``edge.tuning`` reads it."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edge.bench.plan import Measurement
from edge.device import Device
from edge.errors import FileError
from edge.files import replaced
from edge.tuning import SCHEMA, Tuning, fingerprint, read_all, tuning_file


def write_tuning(rows: Sequence[Measurement], device: Device) -> list[Path]:
    """Record the fastest row of each bundle and return the files that were written.

    Entries of other devices are kept. Rows of plain files are skipped, because only bundles have a tuning.

    Args:
        rows: measurements with ``fastest`` set, see ``edge.bench.plan.mark_fastest``.
        device: the device that they were measured on.

    Raises:
        FileError: the bundle cannot be read any more, or the folder cannot be written.
    """
    written = []
    for row in rows:
        if row.fastest and row.timing and row.job.file.precision:  # plain files have no precision and no tuning
            found = Tuning(row.job.backend, row.job.threads, row.job.file.precision, round(row.timing.median_ms, 4))
            written.append(_write(row.job.file.origin, device, found, row.version))
    return written


def _write(bundle: Path, device: Device, found: Tuning, version: str) -> Path:
    try:
        devices = read_all(bundle)
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        devices = {}
    try:
        entry = {**asdict(found), "version": version, "manifest": fingerprint(bundle), "device": device.as_json()}
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise FileError(f"bundle {bundle} cannot be read any more: {error}") from error
    path = tuning_file(bundle)
    content = {"schema": SCHEMA, "devices": {**devices, device.id: entry}}
    with replaced(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
