"""The checks of ``edge-doctor`` on the hardware: cameras, the Coral accelerator and the disk."""

import ctypes.util
import os
import shutil
import tempfile
from pathlib import Path

from edge.cli._checks import Check
from edge.device import Device

CORAL_IDS = {"1a6e:089a", "18d1:9302"}
"""USB vendor:product of the Coral stick, before and after its first use since it was plugged in."""

LOW_DISK_MB = 500


def machine(device: Device) -> list[Check]:
    """Return the name of this machine as a check that always passes."""
    found = f"{device.model}, {device.arch}, {device.cores} core(s), {device.memory_mb} MiB, {device.os}"
    return [Check("machine", "ok", found)]


def cameras(root: Path = Path("/")) -> list[Check]:
    """Check that video devices exist and that this user may open them."""
    nodes = sorted((root / "dev").glob("video*"))
    if not nodes:
        return [Check("camera", "absent", "no /dev/video*", "connect a USB camera; --source also takes files and URLs")]
    refused = [node for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
    found = ", ".join(f"/dev/{node.name} ({_camera_name(root, node)})" for node in nodes)
    if refused:
        mend = "sudo usermod -aG video $USER, then log in again"
        return [Check("camera", "warning", f"{found}; not readable by this user: {refused[0].name}", mend)]
    return [Check("camera", "ok", found)]


def _camera_name(root: Path, node: Path) -> str:
    try:
        return (root / "sys/class/video4linux" / node.name / "name").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "no name"


def picamera(device: Device, installed: bool) -> list[Check]:
    """Check for picamera2, which the CSI cameras of a Raspberry Pi need. Other machines have no such check."""
    if "Raspberry Pi" not in device.model:
        return []
    if installed:
        return [Check("picamera2", "ok", "installed")]
    mend = "sudo apt install python3-picamera2, and make the environment with --system-site-packages"
    return [Check("picamera2", "absent", "not installed (only for cameras on the ribbon cable)", mend)]


def coral(root: Path = Path("/"), library: str | None = None) -> list[Check]:
    """Check for a Coral accelerator (USB stick or PCIe card) and its library."""
    found = "USB stick" if CORAL_IDS & _usb_ids(root) else "PCIe card" if (root / "dev/apex_0").exists() else ""
    library = library or ctypes.util.find_library("edgetpu")
    if not found:
        return [Check("coral", "absent", "no Coral accelerator is connected")]
    if library is None:
        mend = "install libedgetpu1-std from the Coral package archive (https://coral.ai/software)"
        return [Check("coral", "warning", f"{found}, but libedgetpu is not installed", mend)]
    return [Check("coral", "ok", f"{found}, {library}")]


def _usb_ids(root: Path) -> set[str]:
    ids = set()
    for vendor in (root / "sys/bus/usb/devices").glob("*/idVendor"):
        product = vendor.with_name("idProduct")
        try:
            ids.add(f"{vendor.read_text().strip()}:{product.read_text().strip()}".lower())
        except (OSError, UnicodeDecodeError):
            continue  # unplugged between the two reads
    return ids


def storage(folder: Path) -> list[Check]:
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
