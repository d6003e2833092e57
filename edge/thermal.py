"""The temperature and the throttling of this machine, as the kernel's files state them.

``edge-doctor`` reports them, the preview shows them, and ``edge.stages.pace`` lowers the rate by them.
"""

from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")

ZONES = "sys/class/thermal/thermal_zone*/temp"
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
    """

    celsius: float | None = None
    bits: int | None = None

    @property
    def slowed(self) -> bool:
        """Whether the processor is slowed down now."""
        return bool((self.bits or 0) & SLOWED)

    @property
    def now(self) -> tuple[str, ...]:
        """What the firmware says of the present, such as ``under-voltage``."""
        return tuple(word for bit, word in NOW.items() if (self.bits or 0) >> bit & 1)


def read(root: Path = ROOT) -> Reading:
    """Return the present state. Files that are missing, unreadable or hold anything else count as none.

    Args:
        root: ``/``, or a folder with copies of a machine's files.
    """
    return Reading(temperature(root), throttled_bits(root))


def temperature(root: Path = ROOT) -> float | None:
    """Return the highest temperature in degrees Celsius, or None."""
    read = [_number(path, 10) for path in _find(root, ZONES)]
    return max((value / 1000 for value in read if value is not None and -50_000 < value < 200_000), default=None)


def throttled_bits(root: Path = ROOT) -> int | None:
    """Return the firmware's bits, or None."""
    return next(iter([_number(path, 16) for path in _find(root, THROTTLED)]), None)


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
