"""The checks of the disk: what it is, whether it can be written, how much is free."""

import shutil
import tempfile
from pathlib import Path

from edge.doctor.check import Check
from edge.doctor.system import System

LOW_DISK_MB = 500

REMOUNT = "sudo mount -o remount,rw / , then look for errors of the card: sudo dmesg | grep -i -E 'mmc|ext4'"


def root_file_system(system: System) -> list[Check]:
    """Check that the system's disk is not read-only, which the kernel makes of one with errors."""
    mounts = [line.split() for line in system.text("proc/mounts").splitlines()]
    found = next((words for words in mounts if len(words) >= 4 and words[1] == "/"), None)
    if found is None:
        return []
    device, _, kind, options = found[:4]
    if kind == "overlay":
        return [Check("root", "ok", "an overlay: what is written is lost at the next start")]
    card = "an SD card" if device.startswith("/dev/mmcblk") else device[:60]
    if "ro" in options.split(","):
        return [Check("root", "warning", f"{kind} on {card} is read-only: nothing can be kept", REMOUNT)]
    return [Check("root", "ok", f"{kind} on {card}")]


def space(folder: Path) -> list[Check]:
    """Check that results can be written to ``folder`` and bundles unpacked to the temporary folder."""
    free = shutil.disk_usage(folder).free // 2**20
    low = free < LOW_DISK_MB
    mend = f"free some space: below {LOW_DISK_MB} MiB, recordings and conversions may not fit" if low else ""
    checks = [Check("disk", "warning" if low else "ok", f"{free} MiB free in {folder}", mend)]
    if not _writable(folder):
        checks.append(Check("folder", "warning", f"{folder} cannot be written", "change to a folder of your own"))
    try:
        temporary = tempfile.gettempdir()
    except FileNotFoundError:
        return [*checks, Check("temporary files", "broken", "no folder can be written", "set TMPDIR to one that can")]
    return [*checks, Check("temporary files", "ok", temporary)]


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
