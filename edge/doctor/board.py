"""The checks of the board: its name, its word size, its memory."""

import struct

from edge.device import Device
from edge.doctor.check import Check
from edge.doctor.system import System

LITTLE_MEMORY_MB = 600
"""Below this a board, such as a Zero 2 W with 512 MiB, needs swap to install packages and to load a network."""

ENOUGH_MB = 900
"""Memory and swap together with which installing numpy, OpenCV and LiteRT and running a small network do not fail."""

SWAP = "sudo fallocate -l 1G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile"


def machine(system: System, device: Device) -> list[Check]:
    """Return the name of the machine as a check that always passes."""
    kernel = system.text("proc/sys/kernel/osrelease")
    facts = (device.model, device.arch, f"{device.cores} core(s)", f"{device.memory_mb} MiB", device.os)
    return [Check("machine", "ok", ", ".join((*facts, f"kernel {kernel}") if kernel else facts))]


def word_size(system: System, device: Device) -> list[Check]:
    """Check for 32-bit programs, for which LiteRT, OpenCV and numpy have no packages on ARM."""
    bits, kernel = _bits(system), 64 if "64" in device.arch else 32
    if bits == 64 or not bits:
        return [Check("word size", "ok", "64 bits")] if bits else []
    if not device.arch.startswith(("aarch64", "arm")):
        return [Check("word size", "ok", f"{bits} bits")]
    found = "32-bit programs on a 64-bit kernel" if kernel == 64 else "32-bit system"
    mend = "write the 64-bit Raspberry Pi OS to the card; 32-bit ARM has no packages of LiteRT, OpenCV and numpy 2"
    return [Check("word size", "warning", found, mend)]


def _bits(system: System) -> int:
    """Return the word size of the programs, 0 when it is unknown."""
    if system.live:
        return 8 * struct.calcsize("P")
    loaders = {64: ("lib/ld-linux-aarch64.so.1", "lib64/ld-linux-x86-64.so.2"), 32: ("lib/ld-linux-armhf.so.3",)}
    return next((bits for bits, files in loaders.items() if any(map(system.exists, files))), 0)


def memory(system: System) -> list[Check]:
    """Check that a small memory has swap beside it."""
    total, swap = _megabytes(system, "MemTotal"), _megabytes(system, "SwapTotal")
    if not total:
        return []
    found = f"{total} MiB, {swap} MiB swap"
    if total < LITTLE_MEMORY_MB and total + swap < ENOUGH_MB:
        return [Check("memory", "warning", f"{found}: installing and loading may run out of it", SWAP)]
    return [Check("memory", "ok", found)]


def _megabytes(system: System, key: str) -> int:
    words = system.field("proc/meminfo", key).split()
    return int(words[0]) // 1024 if words and words[0].isascii() and words[0].isdigit() else 0
