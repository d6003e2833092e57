"""The checks of what slows a board down: the power supply, the temperature, the frequency governor."""

import re
import shutil
import subprocess

from edge.doctor.check import Check
from edge.doctor.system import System

NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
"""The bits of ``get_throttled`` by what is the case now. Each is repeated 16 bits higher: it has been since the start.

https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""
SINCE_START = 16
UNDER_VOLTAGE = 1 | 1 << SINCE_START

SUPPLY = "use the board's own power supply and a short cable; power a Coral stick or disks from a hub of their own"
COOLING = "add a heat sink or a fan, and let air reach the board"

HOT = 80.0
"""Degrees Celsius from which a Raspberry Pi lowers its frequency.

https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control
"""

_FIRMWARE = "sys/devices/platform/soc*/*firmware/get_throttled"


def throttling(system: System) -> list[Check]:
    """Check the firmware's bits for under-voltage and throttling. Machines without such a firmware have no check."""
    bits = throttled(system)
    if bits is None:
        return []
    now = [word for bit, word in NOW.items() if bits >> bit & 1]
    before = [word for bit, word in NOW.items() if bits >> bit + SINCE_START & 1 and word not in now]
    if not now and not before:
        return [Check("power", "ok", "no under-voltage and no throttling since the start")]
    parts = [f"now: {', '.join(now)}"] if now else []
    parts += [f"since the start: {', '.join(before)}"] if before else []
    return [Check("power", "warning", "; ".join(parts), SUPPLY if bits & UNDER_VOLTAGE else COOLING)]


def throttled(system: System) -> int | None:
    """Return the bits of ``get_throttled``, whose meaning is in ``NOW``. None for a machine without such a firmware."""
    found = system.number(_FIRMWARE, 16)
    if found is not None or not system.live or shutil.which("vcgencmd") is None:
        return found
    try:
        done = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r"throttled=0x([0-9a-fA-F]{1,16})", done.stdout)
    return int(said[1], 16) if said else None


def degrees(system: System) -> float | None:
    """Return the highest temperature that the kernel shows, in degrees Celsius. None when it shows none."""
    zones = system.find("sys/class/thermal/thermal_zone*/temp")
    read = [system.number(str(zone.relative_to(system.root))) for zone in zones]
    return max((value / 1000 for value in read if value is not None and -50_000 < value < 200_000), default=None)


def temperature(system: System) -> list[Check]:
    """Check the highest temperature that the kernel shows."""
    highest = degrees(system)
    if highest is None:
        return []
    hot = highest >= HOT
    found = f"{highest:.0f} °C" + (f", from {HOT:.0f} °C on the processor is slowed down" if hot else "")
    return [Check("temperature", "warning" if hot else "ok", found, COOLING if hot else "")]


def governor(system: System) -> list[Check]:
    """Check that the processor's frequency is not held at its lowest."""
    folder = "sys/devices/system/cpu/cpu0/cpufreq"
    name = system.text(f"{folder}/scaling_governor").split("\n")[0][:40]
    if not name:
        return []
    limits = [system.number(f"{folder}/scaling_{end}_freq") for end in ("min", "max")]
    mhz = "" if None in limits else ", {} to {} MHz".format(*(value // 1000 for value in limits if value is not None))
    if name != "powersave":
        return [Check("governor", "ok", f"{name}{mhz}")]
    mend = f"echo ondemand | sudo tee /{folder.replace('cpu0', 'cpu*')}/scaling_governor"
    return [Check("governor", "warning", f"{name}{mhz}: the processor stays at its lowest frequency", mend)]
