"""The doctor: what a machine has, what it lacks, and the command that mends each. ``edge-doctor`` prints its checks.

One file holds the checks of one subject. A check reads the kernel's files through ``System``, so that a folder with
copies of them can stand for a machine. What may crash, such as a library for another processor, is tried in a process
of its own.
"""

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge.device import Device, this_device
from edge.doctor import board, cameras, clock, coral_check, power, software, storage
from edge.doctor.check import Check
from edge.doctor.system import System

__all__ = ["Check", "System", "describe", "examine"]


def describe(system: System) -> Device:
    """Return the machine that ``system`` shows."""
    return this_device(system.root)


def examine(system: System) -> list[Check]:
    """Return all checks of a machine, in the order of the report.

    Copied files say nothing of Python, its packages and the free space; these checks are left out then.
    """
    device = describe(system)
    if not system.live:
        return [*_of_the_board(system, device), *_of_devices(system, device), *_of_runtimes(system)]
    with ThreadPoolExecutor(2) as pool:
        opencv, of_runtimes = pool.submit(software.opencv), pool.submit(_of_runtimes, system)
        return [
            *_of_the_board(system, device),
            *software.python(),
            *software.numpy(),
            *opencv.result(),
            *of_runtimes.result(),
            *software.training(),
            *_of_devices(system, device),
            *storage.space(Path.cwd()),
        ]


def _of_runtimes(system: System) -> list[Check]:
    """Return the checks that need numpy. Where it does not load, the report must still be made."""
    try:
        from edge.doctor import coral_library, runtimes
    except ImportError as error:
        found = f"none can be loaded: {(str(error).strip().splitlines() or ['no reason given'])[0][:200]}"
        return [Check("runtime", "broken", found, "pip install --force-reinstall numpy")]
    return [*(runtimes.runtimes() if system.live else ()), *coral_library.library(system)]


def _of_the_board(system: System, device: Device) -> list[Check]:
    return [
        *board.machine(system, device),
        *board.word_size(system, device),
        *board.memory(system),
        *power.throttling(system),
        *power.temperature(system),
        *power.governor(system),
        *clock.clock(system),
        *storage.root_file_system(system),
    ]


def _of_devices(system: System, device: Device) -> list[Check]:
    visible = system.live and importlib.util.find_spec("picamera2") is not None
    numpy = software.version_of("numpy") if system.live else None
    return [
        *cameras.cameras(system),
        *cameras.picamera(system, device, visible, numpy),
        *coral_check.accelerator(system, device),
    ]
