"""The system calls of a command that writes: which files it wrote, flushed and renamed, in their order."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = "write,pwrite64,writev,sendfile,copy_file_range,ftruncate,fsync,fdatasync,rename,renameat,renameat2"
DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
QUOTED = re.compile(r'"([^"]*)"')
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")


def why_not() -> str | None:
    """Return why system calls cannot be recorded here, or None when they can."""
    if shutil.which("strace") is None:
        return "needs the command strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, timeout=60)
    return None if tried.returncode == 0 else "this machine does not let one process trace another"


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        kind: ``write``, ``flush``, ``rename`` or ``exchange``.
        path: the file or folder; of a rename, the new name.
        source: of a rename, the old name.
    """

    kind: str
    path: str
    source: str = ""


def recorded(argv: Sequence[str | Path], log: Path) -> list[Call]:
    """Run a command under strace and return its calls. Raises AssertionError when it fails."""
    command = ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", log, *argv]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [call for line in log.read_text(errors="replace").splitlines() if (call := parse(line)) is not None]


def parse(line: str) -> Call | None:
    """Return the call of a line of strace's output, or None for one that failed or is of no interest."""
    match = LINE.match(line)
    if match is None or int(match[3]) < 0:
        return None
    name, arguments = match[1], match[2]
    if name.startswith("rename"):
        source, path = QUOTED.findall(arguments)
        return Call("exchange" if "RENAME_EXCHANGE" in arguments else "rename", path, source)
    paths = DESCRIPTOR.findall(arguments)
    if not paths:
        return None
    if name in ("fsync", "fdatasync"):
        return Call("flush", paths[0])
    return Call("write", paths[1] if name == "copy_file_range" else paths[0])


CHANGES = (
    "mkdir", "flock", "sendfile", "copy_file_range", "fsync", "rename", "renameat2", "unlink", "unlinkat", "rmdir",
)  # fmt: skip
"""Calls that change what is on the disk, and the lock; an interpreter that only starts makes none of them."""


def killed_at(argv: Sequence[str | Path], call: str, number: int) -> bool:
    """Run a command, and kill it when it makes a call for the ``number``-th time, from 1.

    Returns:
        Whether it came so far. If not, it has ended by itself, with exit code 0.
    """
    options = ["-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["strace", *options, *map(str, argv)], capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    return done.returncode != 0
