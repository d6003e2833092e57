"""A command runs inside a Debian root of another processor, in namespaces of its own: nothing outside changes.

Since Linux 6.7 a user namespace has its own table of binary formats. So qemu runs the root's programs, and those that
they start, without a change to the machine's table and without anything left behind. On older kernels the machine's
table must name qemu already, as Debian's qemu-user-static and binfmt-support do.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

from tools.arm64 import processors

QEMU = "/usr/bin/qemu-aarch64-static"
FAILED = 125
"""The exit code when the namespaces cannot be made."""

_USER, _MOUNTS, _PROCESSES = 0x10000000, 0x00020000, 0x20000000
_BIND = 4096
_DIE_WITH_PARENT = 1
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_FORMAT = (  # 64-bit little-endian ELF programs and libraries for AArch64; P keeps argv[0], F opens qemu now
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
)
_libc = ctypes.CDLL(None, use_errno=True)


def command(root: Path, *argv: str, sysfs: bool = True) -> list[str]:
    """Return the command that runs ``argv`` inside a root. Without ``argv`` it only makes the namespaces.

    Args:
        root: the folder of the root.
        argv: the program, as the root names it, and its arguments.
        sysfs: whether ``/sys`` tells of the processor.
    """
    return [sys.executable, "-m", "tools.arm64.namespace", str(root), "sys" if sysfs else "no-sys", *argv]


def main() -> int:
    """Make the namespaces, run the command inside, and return its exit code."""
    _check(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    # Without it, qemu 7.2 emulates extensions that no Pi has, and LiteRT's kernels for them compute nonsense there.
    os.environ.setdefault("QEMU_CPU", processors.USUAL)
    root, sysfs, argv = Path(sys.argv[1]), sys.argv[2] == "sys", sys.argv[3:]
    ready, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _guarded(lambda: _outer(root, sysfs, argv, ready[1], mapped[0]))
    os.close(ready[1])
    if os.read(ready[0], 1):
        for kind in ("uid", "gid"):
            Path(f"/proc/{child}/{kind}_map").write_text("0 0 65536\n", encoding="ascii")
        os.write(mapped[1], b"x")
    return _status(os.waitpid(child, 0)[1])


def _outer(root: Path, sysfs: bool, argv: list[str], ready: int, mapped: int) -> int:
    """Enter new namespaces, and start the first process of the new process namespace."""
    _check(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    _check(_libc.unshare(_USER | _MOUNTS | _PROCESSES), "a user namespace")
    os.write(ready, b"x")
    os.read(mapped, 1)
    first = os.fork()
    if first == 0:
        _guarded(lambda: _first(root, sysfs, argv))
    return _status(os.waitpid(first, 0)[1])


def _first(root: Path, sysfs: bool, argv: list[str]) -> int:
    """Mount what the root needs, start the command, and wait for all processes, as the first process must."""
    _check(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    _mount("proc", root / "proc", "proc")
    _mount("tmpfs", root / "dev", "tmpfs")
    for name in _DEVICES:
        (root / "dev" / name).touch()
        _mount(f"/dev/{name}", root / "dev" / name, None, _BIND)
    (root / "dev/shm").mkdir(mode=0o1777)
    (root / "dev/fd").symlink_to("/proc/self/fd")
    _mount("tmpfs", root / "sys", "tmpfs")
    if sysfs:
        processors.write_sysfs(root / "sys")
    (root / "dev/cpuinfo").write_text(processors.cpuinfo(os.environ["QEMU_CPU"]), encoding="ascii")
    _mount(str(root / "dev/cpuinfo"), root / "proc/cpuinfo", None, _BIND)
    _name_qemu(root / "proc/sys/fs/binfmt_misc")
    if not argv:
        return 0
    os.chroot(root)
    os.chdir("/")
    body = os.fork()
    if body == 0:
        _guarded(lambda: os.execvp(argv[0], argv))
    while True:
        done, status = os.wait()
        if done == body:
            return _status(status)


def _name_qemu(table: Path) -> None:
    """Let qemu run the programs of the root."""
    if _libc.mount(b"binfmt_misc", os.fsencode(table), b"binfmt_misc", 0, None) == 0:
        (table / "register").write_text(f"{_FORMAT}:{QEMU}:PF", encoding="ascii")
    elif not Path("/proc/sys/fs/binfmt_misc/qemu-aarch64").exists():
        raise OSError("a table of binary formats: it takes Linux 6.7, or the package binfmt-support")


def _mount(source: str, target: Path, kind: str | None, flags: int = 0) -> None:
    encoded = kind.encode() if kind else None
    _check(_libc.mount(source.encode(), os.fsencode(target), encoded, flags, None), f"mounting {source}")


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(f"{what}: {os.strerror(ctypes.get_errno())}")


def _status(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _guarded(body: object) -> None:
    """Run the body of a forked process, and end the process with its result."""
    code = FAILED
    try:
        code = body()  # type: ignore[operator]
    except OSError as error:
        print(f"no arm64 root can be entered: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


if __name__ == "__main__":
    raise SystemExit(main())
