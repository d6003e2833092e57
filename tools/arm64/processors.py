"""The processors that are emulated, and what their kernels say of them in ``/sys`` and ``/proc/cpuinfo``.

cpuinfo, in LiteRT and ONNX Runtime, chooses kernels by these files. qemu shows those of the machine that it runs on: on
x86, ONNX Runtime 1.31 then crashes.
"""

from dataclasses import dataclass
from pathlib import Path

CORES = 4
_BASE = "fp asimd evtstrm crc32 cpuid"
_DOT_PRODUCTS = f"{_BASE} aes pmull sha1 sha2 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"


@dataclass(frozen=True)
class Processor:
    """An ARM processor of a Raspberry Pi.

    Attributes:
        boards: which boards have it.
        part: its number at ARM, as the kernel prints it.
        features: its extensions, as the kernel prints them.
    """

    boards: str
    part: str
    features: str = _BASE


PROCESSORS = {
    "cortex-a53": Processor("Raspberry Pi 3 and Zero 2", "0xd03"),
    "cortex-a72": Processor("Raspberry Pi 4", "0xd08"),
    "cortex-a76": Processor("Raspberry Pi 5", "0xd0b", _DOT_PRODUCTS),
}
"""The processors by qemu's names for them, which QEMU_CPU takes."""

USUAL = "cortex-a72"


def write_sysfs(folder: Path) -> None:
    """Write the files of ``/sys`` that say how many cores there are."""
    cpus = folder / "devices/system/cpu"
    cpus.mkdir(parents=True)
    for name in ("possible", "present", "online"):
        (cpus / name).write_text(f"0-{CORES - 1}\n", encoding="ascii")


def cpuinfo(name: str) -> str:
    """Return ``/proc/cpuinfo`` of a processor."""
    processor = PROCESSORS[name]
    lines = "BogoMIPS\t: 108.00\nFeatures\t: {}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\n"
    core = lines.format(processor.features) + f"CPU part\t: {processor.part}\nCPU revision\t: 3\n"
    return "".join(f"processor\t: {number}\n{core}\n" for number in range(CORES))
