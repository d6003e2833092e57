"""Coral Edge TPUs that are connected to this machine, from the kernel's files, with the standard library alone."""

import os
from pathlib import Path
from typing import NamedTuple

IDS = {"1a6e:089a": "without its firmware yet", "18d1:9302": "with its firmware"}
"""USB vendor:product of the Coral stick: as it is plugged in, and after libedgetpu has loaded the firmware into it."""

SUPER_SPEED = 5000
"""Mbit/s of USB 3."""


class EdgeTpu(NamedTuple):
    """A connected Edge TPU.

    Attributes:
        kind: ``usb`` or ``pci``.
        usb_id: vendor:product of a stick; it changes when the stick is used for the first time. Empty for a card.
        speed: of a stick's USB connection in Mbit/s, 0 when unknown.
        node: the device file that the library opens. It may be missing.
        usable: whether this user may read and write the device file.
    """

    kind: str
    usb_id: str
    speed: int
    node: Path
    usable: bool

    def describe(self) -> str:
        """Return the device in words."""
        if self.kind == "pci":
            return f"PCIe card at /dev/{self.node.name}"
        return f"USB stick {self.usb_id} ({IDS[self.usb_id]})"


def connected(root: Path = Path("/")) -> list[EdgeTpu]:
    """Return the Edge TPUs, sticks first, each kind in the order of its device names.

    Args:
        root: the folder in which ``sys`` and ``dev`` are read.
    """
    sticks = [stick for folder in _listed(root / "sys/bus/usb/devices") if (stick := _stick(root, folder))]
    cards = [EdgeTpu("pci", "", 0, node, _may_open(node)) for node in _listed(root / "dev", "apex_")]
    return [*sticks, *cards]


def card_without_driver(root: Path = Path("/")) -> bool:
    """Return whether a Coral card is in a PCIe slot, and no driver has made a device file of it.

    Args:
        root: the folder in which ``sys`` and ``dev`` are read.
    """
    ids = [(_word(slot / "vendor"), _word(slot / "device")) for slot in _listed(root / "sys/bus/pci/devices")]
    return ("0x1ac1", "0x089a") in ids and not _listed(root / "dev", "apex_")


def _stick(root: Path, folder: Path) -> EdgeTpu | None:
    usb_id = f"{_word(folder / 'idVendor')}:{_word(folder / 'idProduct')}".lower()
    if usb_id not in IDS:
        return None
    bus, number, speed = (_number(folder / name) for name in ("busnum", "devnum", "speed"))
    node = root / f"dev/bus/usb/{bus:03d}/{number:03d}"
    return EdgeTpu("usb", usb_id, speed, node, _may_open(node))


def _may_open(node: Path) -> bool:
    try:
        return os.access(node, os.R_OK | os.W_OK)
    except (OSError, ValueError):
        return False


def _listed(folder: Path, prefix: str = "") -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.startswith(prefix)]
    except OSError:
        return []


def _word(path: Path) -> str:
    """Return the first word of a small file, empty when there is none or it cannot be read."""
    try:
        if not path.is_file():  # a pipe would wait
            return ""
        with path.open("rb") as file:
            words = file.read(64).decode("ascii", "replace").split()
    except (OSError, ValueError):
        return ""
    return words[0] if words else ""


def _number(path: Path) -> int:
    word = _word(path)
    return int(word) if word.isascii() and word.isdigit() and len(word) < 8 else 0
