import platform

import pytest

from edge import device

CPUINFO_X86 = "processor\t: 0\nmodel name\t: Intel(R)  Core(TM) i5-8250U CPU @ 1.60GHz\nprocessor\t: 1\n"
CPUINFO_ARM = "processor\t: 0\nBogoMIPS\t: 108.00\nHardware\t: BCM2835\nModel\t\t: Raspberry Pi Zero 2 W Rev 1.0\n"


@pytest.fixture
def machine(tmp_path):
    """Return a function that writes files below an empty root and describes that machine."""

    def describe(**contents):
        for name, text in contents.items():
            path = tmp_path / name.replace("__", "/").replace("_", "-")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return device.this_device(tmp_path)

    return describe


def test_a_board_names_itself(machine):
    got = machine(
        **{
            "proc__device_tree__model": "Raspberry Pi 4 Model B Rev 1.4\0",
            "proc__cpuinfo": CPUINFO_ARM,
            "proc__meminfo": "MemTotal:        3884360 kB\nMemFree: 1 kB\n",
            "etc__os_release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        }
    )
    assert got.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert got.id == f"raspberry-pi-4-model-b-rev-1.4-{platform.machine().lower()}-{got.cores}"
    assert got.memory_mb == 3793
    assert got.os == "Debian GNU/Linux 12 (bookworm)"
    assert got.python == platform.python_version()
    assert got.as_json()["id"] == got.id


def test_a_pc_is_its_processor(machine):
    got = machine(proc__cpuinfo=CPUINFO_X86)
    assert got.model == "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz"
    assert got.id.startswith("intel-r-core-tm-i5-8250u-cpu-1.60ghz-")


def test_a_machine_that_shows_nothing_still_has_a_name(machine):
    got = machine()
    assert got.model
    assert got.memory_mb == 0
    assert got.os == platform.platform()


def test_this_machine():
    got = device.this_device()
    assert got == device.this_device()
    assert got.cores >= 1
    assert " " not in got.id


def test_usable_cores_without_affinity(monkeypatch):
    monkeypatch.delattr(device.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(device.os, "cpu_count", lambda: None)
    assert device.usable_cores() == 1


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        pytest.param("flags\t\t: fpu sse2 avx2\n", True, id="AVX2 only"),
        pytest.param("flags\t\t: fpu avx2 avx512_vnni\n", False, id="AVX-512 with VNNI"),
        pytest.param("flags\t\t: fpu avx2 avx_vnni\n", False, id="AVX with VNNI"),
        pytest.param(CPUINFO_ARM, False, id="ARM, which has Features instead"),
    ],
)
def test_int8_saturates_on_x86_without_vnni(tmp_path, cpuinfo, expected):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text(cpuinfo)
    assert device.saturates_int8(tmp_path) is expected


def test_a_machine_that_hides_its_flags_is_trusted(tmp_path):
    assert device.saturates_int8(tmp_path) is False
