"""The temperature and the throttling of this machine, as the kernel's files state them.

``edge-doctor`` reports them, the preview shows them, and ``edge.stages.pace`` lowers the rate by them.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")

ZONES = "sys/class/thermal/thermal_zone*/temp"
COOLING = "sys/class/thermal/cooling_device*"
THROTTLED = "sys/devices/platform/soc*/*firmware/get_throttled"
"""The bits of a Raspberry Pi's firmware (https://www.raspberrypi.com/documentation/computers/os.html#get_throttled)."""

NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
"""The bits of ``get_throttled`` for the present. They are repeated 16 bits higher for the time since the start."""

SLOWED = 0b1110
"""The bits that say that the processor is slowed down now."""

MOST_BYTES = 64


class Reading(NamedTuple):
    """The state of a machine.

    Attributes:
        celsius: the highest temperature, in degrees. None when the machine states none.
        bits: the firmware's bits. None on machines without such a firmware.
        cooled: whether the kernel holds the processor back by one of its cooling devices. None when it does not say.
    """

    celsius: float | None = None
    bits: int | None = None
    cooled: bool | None = None

    @property
    def slowed(self) -> bool:
        """Whether the processor is slowed down now."""
        return bool((self.bits or 0) & SLOWED) or bool(self.cooled)

    @property
    def throttled(self) -> bool | None:
        """Whether the processor is slowed down now, or its voltage is too low. None when nothing says so."""
        if self.bits is None:
            return self.cooled
        return bool(self.now) or bool(self.cooled)

    @property
    def now(self) -> tuple[str, ...]:
        """What the firmware says of the present, such as ``under-voltage``."""
        return tuple(word for bit, word in NOW.items() if (self.bits or 0) >> bit & 1)


def read(root: Path = ROOT) -> Reading:
    """Return the present state. Files that are missing, unreadable or hold anything else count as none.

    Args:
        root: ``/``, or a folder with copies of a machine's files.
    """
    return Reading(temperature(root), throttled_bits(root), cooled(root))


def temperature(root: Path = ROOT) -> float | None:
    """Return the highest temperature in degrees Celsius, or None."""
    read = [_number(path, 10) for path in _find(root, ZONES)]
    return max((value / 1000 for value in read if value is not None and -50_000 < value < 200_000), default=None)


def throttled_bits(root: Path = ROOT) -> int | None:
    """Return the firmware's bits, or None."""
    return next(iter([_number(path, 16) for path in _find(root, THROTTLED)]), None)


def cooled(root: Path = ROOT) -> bool | None:
    """Return whether a cooling device of the processor is in use, or None when there is none."""
    states = [_number(device / "cur_state", 10) for device in _find(root, COOLING) if _is_of_processor(device)]
    known = [state for state in states if state is not None]
    return any(state > 0 for state in known) if known else None


def _is_of_processor(device: Path) -> bool:
    try:
        kind = (device / "type").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return kind.strip().lower().startswith(("cpufreq", "processor", "thermal-cpufreq"))


def _find(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except (OSError, ValueError, RuntimeError):
        return []


def _number(path: Path, base: int) -> int | None:
    """Return the number that a file begins with."""
    try:
        if not path.is_file():  # a pipe would wait
            return None
        with path.open("rb") as file:
            words = file.read(MOST_BYTES).split()
        return int(words[0], base) if words and len(words[0]) <= 20 else None
    except (OSError, ValueError):
        return None
