"""``make test-arm64``: a Debian arm64 root, the runtime wheel installed there by pip, and the device's tests."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.cli import _main
from edge.errors import GateFailed, InputError
from tools.arm64 import device, differences, namespace, processors, root

TESTS = [
    "tests/arm64",
    "tests/test_golden.py",
    "tests/test_quiet.py",
    "tests/test_bundle.py",
    "tests/test_pipeline.py",
    "tests/test_session.py",
    "tests/test_imaging.py",
    "tests/tasks",
    "tests/backends/test_tflite.py",
    "tests/backends/test_fake.py",
    "tests/contract/test_backends.py",
    "tests/cli/test_camera.py",
    "tests/cli/test_doctor.py",
]
"""The tests of what a device runs. None imports TensorFlow."""

LEFT_OUT = {
    "tests/cli/test_doctor.py::test_a_self_check_survives_what_the_runtime_does": "waits 1.5 s; Python starts in two",
    "tests/cli/test_doctor.py::test_help_and_run_import_no_framework": "two minutes, and the same on every processor",
    "tests/test_bundle.py::test_any_manifest_opens_or_is_refused_in_one_line": "as above",
    "tests/cli/test_camera.py::test_neither_tensorflow_nor_a_benchmark_is_imported": "as above",
}
"""Tests that are not run there, with the reason."""

WITHOUT_SYS = "tests/arm64/test_released.py -k 'prints or quiet'"
"""What runs with an empty ``/sys``. LiteRT then takes its portable kernels, which are up to 16 steps off."""
REPORT = device.CHECKOUT / "docs/results/arm64.md"
LITERT_STEPS, OTHER_STEPS = 1, 16
"""How far int8 outputs may be from those on x86. ONNX Runtime sums in float32 and rounds in other places on ARM: 9."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check and return the exit code."""
    parser = argparse.ArgumentParser("python -m tools.arm64", description=__doc__)
    parser.add_argument("--or-skip", action="store_true", help="exit with 0 where no root can be entered")
    parser.add_argument("--report", action="store_true", help=f"write {REPORT.relative_to(device.CHECKOUT)}")
    parser.add_argument("--suite", choices=root.PYTHON, default="bookworm", help="Debian's release (default bookworm)")
    return _main.run(parser, _check, argv)


def _check(arguments: argparse.Namespace) -> None:
    reason = root.why_not()
    if reason and arguments.or_skip:
        print(f"make test-arm64 is skipped: {reason}")
        return
    if reason:
        raise InputError(f"the arm64 tests cannot run here: {reason}")
    python = root.PYTHON[arguments.suite]
    cache = Path(os.environ.get("ARM64_ROOT") or Path.home() / ".cache/edgekit/arm64")
    folder = cache / arguments.suite
    with _timed("root"):
        root.build(folder, arguments.suite)
    with _timed("wheels"):
        wheels = device.gather(cache, python)
    with _timed("installation"):
        device.install(folder, wheels)
        device.carry(folder)
    _check_size(device.size_mb(folder, python))
    with _timed("outputs"):
        found = _outputs(folder)
    if arguments.report:
        differences.write_report(REPORT, arguments.suite, _qemu(), found)
    selected = " ".join([*TESTS, *(f"--deselect {test}" for test in LEFT_OUT)])
    with _timed("tests"):
        codes = [device.run_tests(folder, f"-n 2 --dist loadgroup -m 'not slow' --timeout 280 {selected}")]
        codes += [device.run_tests(folder, WITHOUT_SYS, sysfs=False)]
    if any(codes):
        raise GateFailed("tests failed in the arm64 root")


def _outputs(folder: Path) -> dict[str, list[differences.Difference]]:
    """Return how outputs differ by processor. Raises GateFailed when they differ by too much."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="edge-arm64-") as scratch:
        here, there = Path(scratch, "here.npz"), Path(scratch, "there.npz")
        device.outputs_here(here)
        for processor in processors.PROCESSORS:
            device.outputs(folder, processor, there)
            found[processor] = differences.compare(here, there)
    for processor, rows in found.items():
        for row in rows:
            print(
                f"{processor}: {row.bundle} {row.backend} {row.output}: {row.differ} of {row.values}, {row.steps} steps"
            )
            if row.steps > (LITERT_STEPS if row.backend == "litert" else OTHER_STEPS):
                raise GateFailed(f"{row.bundle} on {row.backend} is {row.steps} steps off x86 on {processor}")
    return found


def _check_size(size: float) -> None:
    print(f"installed runtime: {size:.0f} MB with numpy, OpenCV and LiteRT (at most {device.BAR_MB})")
    if size > device.BAR_MB:
        raise GateFailed(f"the installed runtime must take at most {device.BAR_MB} MB, it takes {size:.0f}")


def _qemu() -> str:
    done = subprocess.run([namespace.QEMU, "--version"], capture_output=True, text=True, check=True)
    return str(done.stdout.split()[2])


@contextmanager
def _timed(step: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{step}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
