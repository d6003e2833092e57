"""What a Pi user does on the device, done in the root: an environment, the wheels, then the tests."""

import shutil
import subprocess
import sys
from pathlib import Path

from edge.deploy import _pip, runtime_wheel, wheelhouse
from edge.errors import GateFailed
from edge.files import remove, sha256
from tools.arm64 import namespace
from tools.arm64 import root as roots

CHECKOUT = roots.CHECKOUT
CONSTRAINTS = CHECKOUT / "constraints.txt"
VENV, TESTING, TREE = "/opt/edgekit", "/opt/testing", "/checkout"
TOOLS = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "jsonschema", "onnx")
"""What the tests import besides the runtime: pure Python, but for three wheels."""

CARRIED = ("tests", "docs", "setup.cfg", "models/weights")
"""What the tests read. The sources stay outside, so that the installed wheel is what runs."""

BAR_MB = 320


def gather(cache: Path, python: str) -> Path:
    """Return the folder with the wheelhouse and the tests' own wheels, which is made when the versions change."""
    key = sha256(CONSTRAINTS)[:8] + sha256(CHECKOUT / "setup.cfg")[:8]
    folder = cache / f"wheels-{python}-{key}"
    if not (folder / "complete").exists():
        remove(folder)
        house = wheelhouse.Wheelhouse("pi4", python, ("onnx", "signed"), CONSTRAINTS)
        wheelhouse.gather(house, folder / "runtime", lambda line: None)
        (folder / "tests").mkdir()
        _pip.download(TOOLS, folder / "tests", house.platforms, python, CONSTRAINTS, lambda line: None)
        (folder / "complete").touch()
    for old in (folder / "runtime").glob("edgekit-*.whl"):
        old.unlink()
    runtime_wheel.build(folder / "runtime")
    return folder


def install(root: Path, wheels: Path) -> None:
    """Install the wheels with the root's own pip, as on a Pi; those that are there already stay."""
    remove(root / "wheels")
    shutil.copytree(wheels, root / "wheels")
    pip = f"{VENV}/bin/pip install --quiet --no-index --no-deps --disable-pip-version-check --root-user-action=ignore"
    stamp = f"{VENV}/{wheels.name}"
    if not (root / stamp[1:]).exists():
        remove(root / VENV[1:])
        remove(root / TESTING[1:])
        # numpy and protobuf are wanted by onnx too: the tests take those of the runtime.
        inside(
            root,
            f"python3 -m venv {VENV} && {pip} /wheels/runtime/*.whl && rm -f /wheels/tests/numpy-* && "
            f"{pip} --no-compile --target {TESTING} /wheels/tests/*.whl && touch {stamp}",
        )
    else:
        inside(root, f"{pip} --force-reinstall /wheels/runtime/edgekit-*.whl")


def size_mb(root: Path, python: str) -> float:
    """Return the size of the installed runtime in MB, without pip and what is optional."""
    packages = f"{VENV}/lib/python{python}/site-packages"
    leave = "pip,pip-*,setuptools*,pkg_resources,_distutils_hack,onnxruntime*,cryptography*,cffi*,_cffi*,pycparser*"
    excluded = " ".join(f"--exclude='{name}'" for name in leave.split(","))
    return int(inside(root, f"du -sB1 {excluded} {packages}").split()[0]) / 1e6


def carry(root: Path) -> None:
    """Copy what the tests read."""
    remove(root / TREE[1:])
    for name in CARRIED:
        source, copy = CHECKOUT / name, root / TREE[1:] / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)


def inside(root: Path, script: str, sysfs: bool = True, **environment: str) -> str:
    """Run a shell script inside the root and return what it printed. Raises GateFailed with its last line."""
    done = roots.run(root, "/bin/sh", "-ec", script, sysfs=sysfs, **environment)
    if done.returncode:
        raise GateFailed(f"in the arm64 root: {(done.stdout.strip().splitlines() or ['failed'])[-1]}")
    return done.stdout


def run_tests(root: Path, arguments: str, sysfs: bool = True) -> int:
    """Run pytest inside the root, with its output on the terminal, and return its exit code."""
    script = f"cd {TREE} && PYTHONPATH={TESTING} exec {VENV}/bin/python -m pytest -q -p no:cacheprovider {arguments}"
    command = namespace.command(root, "/bin/sh", "-c", script, sysfs=sysfs)
    return subprocess.run(command, check=False, env=roots.ENVIRONMENT, cwd=CHECKOUT).returncode


def outputs(root: Path, processor: str, destination: Path) -> None:
    """Write the outputs of the released bundles on an emulated processor."""
    inside(root, f"cd {TREE} && {VENV}/bin/python -m tests.arm64.outputs /tmp/outputs.npz", QEMU_CPU=processor)
    shutil.move(root / "tmp/outputs.npz", destination)


def outputs_here(destination: Path) -> None:
    """Write the outputs of the released bundles on this machine."""
    subprocess.run([sys.executable, "-m", "tests.arm64.outputs", str(destination)], check=True, cwd=CHECKOUT)
