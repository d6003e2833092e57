"""``gather`` collects the runtime wheel and every wheel that it needs, for devices without a network.

pip downloads them for the device's processor and Python; nothing is compiled. Beside the wheels lies ``SHA256SUMS``, so
that the device compares their digests (``sha256sum -c SHA256SUMS``) before pip opens them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import edge
from edge.deploy import _pip, runtime_wheel
from edge.errors import InputError, unknown_name
from edge.files import replaced, sha256

SUMS = "SHA256SUMS"

MACHINES = {
    "pi-zero2": "aarch64",
    "pi3": "aarch64",
    "pi4": "aarch64",
    "pi5": "aarch64",
    "coral-dev": "aarch64",
    "x86": "x86_64",
}
"""The processor of each target, as Python names it."""

WITHOUT_WHEELS = ("arm/v7", "arm/v6", "armv7", "armv7l", "armv6l", "armhf", "pi-zero", "pi1", "pi2")
"""Names of 32-bit ARM."""

SYSTEMS = {
    "3.10": ("Ubuntu 22.04", 35),
    "3.11": ("Raspberry Pi OS and Debian Bookworm", 36),
    "3.12": ("Ubuntu 24.04", 39),
    "3.13": ("Raspberry Pi OS and Debian Trixie", 41),
}
"""The system that comes with each Python, and the minor version of its C library, glibc 2."""

OLDEST_GLIBC = 17
"""The tag manylinux2014 means glibc 2.17, which is the oldest that wheels for aarch64 name."""

CORAL_GLIBC = 28
"""Mendel Linux, the Coral Dev Board's system, is made of Debian 10."""

SYSTEM_NUMPY = {"3.11": "1.24", "3.13": "2.2"}
"""The numpy that picamera2 was built for, in Raspberry Pi OS with each Python."""

WITH = ("onnx", "signed", "picamera", "openvino", "metrics", "mqtt", "preview", "rtsp", "track")
"""What ``--with`` takes: extras, and picamera, which leaves numpy to the device's system."""


@dataclass(frozen=True)
class Wheelhouse:
    """For which devices wheels are gathered.

    Attributes:
        target: the device, a key of MACHINES.
        python: the device's version of Python, a key of SYSTEMS.
        extras: what is added, of WITH.
        constraints: a file with the version of each package. None takes the tested set of a checkout, or the newest.
    """

    target: str
    python: str = "3.13"
    extras: Sequence[str] = ()
    constraints: Path | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a device that has no wheels, and for unknown names."""
        if self.target.lower() in WITHOUT_WHEELS:
            raise InputError(
                f"there is no wheel of numpy, OpenCV or LiteRT for 32-bit ARM ({self.target}): install a 64-bit "
                "system on a Pi 3 or newer or a Zero 2, and name that device"
            )
        if self.target not in MACHINES:
            raise unknown_name("target of a wheelhouse", self.target, MACHINES)
        if self.python not in SYSTEMS:
            raise InputError(f"--python must be one of {', '.join(SYSTEMS)}, got {self.python}")
        for name in self.extras:
            if name not in WITH:
                raise unknown_name("part for --with", name, WITH)
        if "picamera" in self.extras and (self.python not in SYSTEM_NUMPY or not self.target.startswith("pi")):
            raise InputError(
                "picamera2 comes with Raspberry Pi OS: --with picamera must have a Pi as --target and --python "
                f"{' or '.join(SYSTEM_NUMPY)}, got {self.target} and {self.python}"
            )

    @property
    def platforms(self) -> list[str]:
        """The tags of the wheels that the device can load, best first."""
        newest = CORAL_GLIBC if self.target == "coral-dev" else SYSTEMS[self.python][1]
        machine = MACHINES[self.target]
        return [f"manylinux_2_{minor}_{machine}" for minor in range(newest, OLDEST_GLIBC - 1, -1)] + [
            f"manylinux2014_{machine}",
            f"linux_{machine}",
        ]

    @property
    def system_numpy(self) -> str:
        """The version of numpy that picamera2 was built for, or nothing when numpy is gathered."""
        return SYSTEM_NUMPY[self.python] if "picamera" in self.extras else ""


@dataclass(frozen=True)
class Gathered:
    """A finished wheelhouse.

    Attributes:
        folder: where it lies.
        sizes: the size of each wheel in bytes, by its name.
        version: the version of the runtime wheel.
    """

    folder: Path
    sizes: dict[str, int]
    version: str


def gather(house: Wheelhouse, folder: Path, report: Callable[[str], None] = print) -> Gathered:
    """Write the wheelhouse: all of it, or nothing.

    Args:
        house: for which devices.
        folder: where it is written. An older wheelhouse there is replaced.
        report: takes a line for the user for each wheel.

    Raises:
        InputError: the package index cannot be reached, or has no wheel of something for the device.
        FileError: the folder cannot be written, or holds something else.
    """
    _check_replaceable(folder)
    with replaced(folder) as temporary:
        wheel = runtime_wheel.build(temporary)
        extras = [name for name in house.extras if name != "picamera"]  # the device's system has picamera2 itself
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        _pip.download([wanted], temporary, house.platforms, house.python, _constraints(house), report)
        if house.system_numpy:
            for numpy in temporary.glob("numpy-*.whl"):
                numpy.unlink()
        wheels = sorted(temporary.glob("*.whl"))
        sizes = {path.name: path.stat().st_size for path in wheels}
        (temporary / SUMS).write_text("".join(f"{sha256(path)}  {path.name}\n" for path in wheels), encoding="ascii")
    return Gathered(folder, sizes, runtime_wheel.version())


def _check_replaceable(folder: Path) -> None:
    """Raise InputError for a folder with other files, which would be lost."""
    if folder.exists() and not (folder.is_dir() and ((folder / SUMS).is_file() or not any(folder.iterdir()))):
        raise InputError(f"--out must be a new or empty folder, or an older wheelhouse, and {folder} is neither")


def _constraints(house: Wheelhouse) -> Path | None:
    """Return the file with the versions. A checkout has that of the tested set beside the package."""
    if house.constraints:
        return house.constraints
    tested = Path(edge.__file__).parents[1] / "constraints.txt"
    return tested if tested.is_file() else None


def check(folder: Path) -> list[Path]:
    """Return the wheels of a wheelhouse after comparing all digests.

    Raises:
        InputError: it is no wheelhouse, a file is missing or damaged, or there is a wheel that is not listed.
    """
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{folder} is no wheelhouse: it has no {SUMS}; make it with edge-deploy wheelhouse") from None
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: path for path in folder.glob("*.whl")}
    wrong = sorted(
        name
        for name in listed.keys() | found.keys()
        if name not in listed or name not in found or sha256(found[name]) != listed[name]
    )
    if wrong:
        raise InputError(f"{folder}: {wrong[0]} is not the file that {SUMS} lists; copy or gather the wheelhouse again")
    return [found[name] for name in sorted(found)]
