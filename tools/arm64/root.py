"""``build`` makes a Debian arm64 root with Python, by debootstrap; its second stage runs under qemu."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from edge.errors import GateFailed
from edge.files import remove
from tools.arm64 import namespace

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
"""Debian's releases that Raspberry Pi OS is made of, with their Python."""

CHECKOUT = Path(__file__).resolve().parents[2]
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "python3,python3-venv"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "container": "lxc",  # debootstrap then makes no device nodes
}


def why_not() -> str:
    """Return why this machine cannot build and enter a root. The text is empty when it can."""
    if os.geteuid() != 0:
        return "debootstrap needs root"
    missing = [name for name in ("debootstrap", Path(namespace.QEMU).name) if shutil.which(name) is None]
    if missing:
        return f"{' and '.join(missing)} missing: sudo apt install debootstrap qemu-user-static"
    return _refusal()


def _refusal() -> str:
    """Return why namespaces cannot be entered. An empty folder is enough to find out."""
    with tempfile.TemporaryDirectory(prefix="edge-arm64-") as scratch:
        for name in ("proc", "dev", "sys"):
            Path(scratch, name).mkdir()
        done = subprocess.run(
            namespace.command(Path(scratch)), capture_output=True, text=True, check=False, cwd=CHECKOUT
        )
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no namespaces can be made"])[-1]


def run(root: Path, *argv: str, sysfs: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command inside a root and return what it printed; stderr lies in stdout."""
    return subprocess.run(
        namespace.command(root, *argv, sysfs=sysfs),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**ENVIRONMENT, **environment},
        cwd=CHECKOUT,
    )


def build(root: Path, suite: str) -> None:
    """Build a root, or leave it as it is when it is there already.

    Raises:
        GateFailed: debootstrap failed; the message has its last line, and ``<root>.log`` has all.
    """
    if (root / "usr/bin/python3").exists():
        return
    partial = root.with_name(f".{root.name}.partial")
    log = root.with_name(f"{root.name}.log")
    remove(partial)
    partial.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        first = ["debootstrap", "--foreign", "--variant=minbase", "--arch=arm64", f"--include={PACKAGES}"]
        _debootstrap([*first, suite, str(partial), MIRROR], output.fileno(), log)
        if (partial / "proc").is_symlink():  # inside a container it is made a link to the real one
            (partial / "proc").unlink()
        (partial / "proc").mkdir(exist_ok=True)
        second = namespace.command(partial, "/debootstrap/debootstrap", "--second-stage", sysfs=False)
        _debootstrap(second, output.fileno(), log)
    for package in (partial / "var/cache/apt/archives").glob("*.deb"):
        package.unlink()
    partial.rename(root)


def _debootstrap(command: list[str], output: int, log: Path) -> None:
    environment = {**os.environ, **ENVIRONMENT} if command[0] == "debootstrap" else ENVIRONMENT
    done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False, env=environment, cwd=CHECKOUT)
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:] or ["nothing was printed"]
        raise GateFailed(f"the arm64 root was not built: {said[0]}; {log} has everything")
