"""What make test-arm64 is made of, without a root: its selection of tests, its comparison, its namespaces."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.test_layers_of_imports import imports
from tools.arm64 import __main__ as check
from tools.arm64 import differences, namespace, processors, root

ROOT = Path(__file__).resolve().parents[2]
NOT_THERE = ("edge.models", "edge.deploy", "edge.calibration", "tools", "tensorflow", "tf_keras", "matplotlib")


def files():
    for name in check.TESTS:
        yield from (ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / name]


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_tests_of_a_device_import_what_a_device_has(path):
    """Helpers in tests/ count with the test that imports them."""
    todo, seen = [path], set()
    while todo:
        one = todo.pop()
        module = ".".join(one.relative_to(ROOT).with_suffix("").parts)
        for name in imports(one, module):
            assert not any(f"{name}.".startswith(f"{package}.") for package in NOT_THERE), f"{module} imports {name}"
            helper = ROOT / f"{name.replace('.', '/')}.py"
            if name.startswith("tests.") and helper.is_file() and helper not in seen:
                seen.add(helper)
                todo.append(helper)


def test_differences_are_counted_in_steps(tmp_path):
    here = {"net litert 0 scores": np.array([-128, 127, 0], np.int8), "net litert 1 scores": np.array([5, 5], np.int8)}
    there = {"net litert 0 scores": np.array([127, 127, 1], np.int8), "net litert 1 scores": np.array([5, 5], np.int8)}
    np.savez(tmp_path / "here.npz", **here)
    np.savez(tmp_path / "there.npz", **there)
    (found,) = differences.compare(tmp_path / "here.npz", tmp_path / "there.npz")
    assert found == differences.Difference("net", "litert", "scores", values=5, differ=2, steps=255)
    differences.write_report(tmp_path / "page.md", "bookworm", "7.2", {"cortex-a72": [found]})
    row = (tmp_path / "page.md").read_text().splitlines()[-1]
    assert row == "| cortex-a72 (Raspberry Pi 4) | net | litert | scores | 5 | 2 | 255 |"


def test_a_processor_is_described_as_the_kernel_does_it(tmp_path):
    processors.write_sysfs(tmp_path / "sys")
    assert (tmp_path / "sys/devices/system/cpu/possible").read_text() == "0-3\n"
    text = processors.cpuinfo("cortex-a76")
    assert text.count("CPU part\t: 0xd0b\n") == text.count("CPU implementer\t: 0x41\n") == processors.CORES
    assert "asimddp" in text
    assert "asimddp" not in processors.cpuinfo("cortex-a53")


def test_a_machine_that_cannot_is_told_why(monkeypatch, capsys):
    monkeypatch.setattr(root.shutil, "which", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert root.why_not() == (
        "debootstrap and qemu-aarch64-static missing: sudo apt install debootstrap qemu-user-static"
    )
    assert check.main(["--or-skip"]) == 0
    assert capsys.readouterr().out.startswith("make test-arm64 is skipped: debootstrap and qemu")
    assert check.main([]) == 2
    assert capsys.readouterr().err.startswith("python -m tools.arm64: the arm64 tests cannot run here: debootstrap")


def test_nothing_is_left_of_the_namespaces(tmp_path):
    """Mounts, processes and the table of binary formats end with the command."""
    if reason := root.why_not():
        pytest.skip(reason)
    before = Path("/proc/self/mounts").read_text()
    for name in ("proc", "dev", "sys"):
        (tmp_path / name).mkdir()
    assert subprocess.run(namespace.command(tmp_path), check=False, cwd=ROOT).returncode == 0
    assert Path("/proc/self/mounts").read_text() == before
    assert [list((tmp_path / name).iterdir()) for name in ("proc", "dev", "sys")] == [[], [], []]


def test_a_program_that_is_not_there_is_an_exit_code(tmp_path):
    if reason := root.why_not():
        pytest.skip(reason)
    for name in ("proc", "dev", "sys"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        namespace.command(tmp_path, "/bin/none"), capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == namespace.FAILED
    assert done.stderr == "no arm64 root can be entered: [Errno 2] No such file or directory\n"
