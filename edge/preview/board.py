"""The temperature of the processor, and whether it is slowed down because of it, from Linux' own files."""

import math
from pathlib import Path

THERMAL = Path("/sys/class/thermal")


def temperature(root: Path = THERMAL) -> float | None:
    """Return the temperature of the hottest sensor in degrees Celsius. None where there is none."""
    found = [value for zone in root.glob("thermal_zone*") if (value := _number(zone / "temp")) is not None]
    degrees = [value / 1000 for value in found if -40_000 < value < 200_000]
    return max(degrees) if degrees else None


def throttled(root: Path = THERMAL) -> bool | None:
    """Return whether the kernel slows the processor down now. None where it does not say.

    A cooling device of the kind ``cpufreq`` or ``Processor`` holds the processor back while its state is above 0.
    """
    states = [
        _number(device / "cur_state")
        for device in root.glob("cooling_device*")
        if _text(device / "type").lower().startswith(("cpufreq", "processor", "thermal-cpufreq"))
    ]
    known = [state for state in states if state is not None]
    return any(state > 0 for state in known) if known else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> float | None:
    try:
        value = float(_text(path))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
