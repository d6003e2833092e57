"""``this_device`` describes this machine from the kernel's files, with the standard library alone."""

import os
import platform
import re
from pathlib import Path
from typing import Any, NamedTuple


class Device(NamedTuple):
    """A machine.

    Attributes:
        id: a name that all machines of this kind share and that stays the same over reboots and updates. It holds
            nothing that identifies one machine or its owner.
        model: what the maker calls the board or the processor.
        arch: the instruction set, such as ``aarch64``.
        cores: the number of cores that this process may use.
        memory_mb: the installed memory in MiB, 0 when unknown.
        os: the name and version of the operating system.
        python: the version of the running Python.
    """

    id: str
    model: str
    arch: str
    cores: int
    memory_mb: int
    os: str
    python: str

    def as_json(self) -> dict[str, Any]:
        """Return the device as a JSON object."""
        return self._asdict()


def this_device(root: Path = Path("/")) -> Device:
    """Return the machine that this runs on.

    Args:
        root: the folder in which ``proc`` and ``etc`` are read. Copies of another machine's files describe that one.
    """
    model, arch, cores = _model(root), _arch(root), _cores(root)
    return Device(
        id=f"{_slug(model)}-{_slug(arch)}-{cores}",
        model=model,
        arch=arch,
        cores=cores,
        memory_mb=_memory_mb(root),
        os=_os_name(root),
        python=platform.python_version(),
    )


def saturates_int8(root: Path = Path("/")) -> bool:
    """Return whether this is an x86 processor without VNNI, which sums products of bytes in 16 bits and may saturate.

    The result is False where the kernel does not list the processor's flags.

    Args:
        root: the folder in which ``proc`` is read.
    """
    flags = re.search(r"^flags\s*:\s*(.+)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    return flags is not None and not {"avx512_vnni", "avx_vnni"} & set(flags[1].split())


def usable_cores() -> int:
    """Return the number of processor cores that this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _arch(root: Path) -> str:
    """Return the kernel's instruction set. Linux shows it in a file since 6.1."""
    stated = "" if root == Path("/") else _read(root / "proc/sys/kernel/arch").strip()
    return stated or platform.machine()


def _cores(root: Path) -> int:
    stated = 0 if root == Path("/") else len(re.findall(r"^processor\s*:", _read(root / "proc/cpuinfo"), re.MULTILINE))
    return stated or usable_cores()


def _model(root: Path) -> str:
    board = _read(root / "proc/device-tree/model").strip("\0 \n")
    if board:
        return board
    named = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    return " ".join(named[1].split()) if named else platform.processor() or platform.machine() or "unknown"


def _memory_mb(root: Path) -> int:
    total = re.search(r"^MemTotal:\s*(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    return int(total[1]) // 1024 if total else 0


def _os_name(root: Path) -> str:
    named = re.search(r'^PRETTY_NAME="?([^"\n]+)', _read(root / "etc/os-release"), re.MULTILINE)
    return named[1] if named else platform.platform()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
