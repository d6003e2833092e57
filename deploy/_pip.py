"""``download`` runs pip for another machine than this one, and says its errors in one line."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from edge.errors import InputError

_UNREACHABLE = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ProxyError", "ReadTimeoutError")
_VERSION = re.compile(r"""python_version\s*(<|>=)\s*["']3\.(\d+)["']""")


def download(
    wanted: Sequence[str],
    folder: Path,
    platforms: Sequence[str],
    python: str,
    constraints: Path | None,
    report: Callable[[str], None],
) -> None:
    """Download packages and their requirements, as wheels.

    Args:
        wanted: names of packages, or paths of wheels, with extras, as pip takes them.
        folder: where the wheels are written.
        platforms: the tags of the machine that they are for, best first.
        python: that machine's version of Python, such as "3.11".
        constraints: a file with the versions, if any.
        report: takes a line for each wheel.

    Raises:
        InputError: pip is not installed, the index cannot be reached, or something has no wheel for that machine.
    """
    try:
        metadata.version("pip")
    except metadata.PackageNotFoundError:
        raise InputError(
            f"a wheelhouse is gathered by pip, which {sys.executable} lacks; run python -m ensurepip"
        ) from None
    command = [sys.executable, "-m", "pip", "download", "--only-binary=:all:", "--progress-bar=off", "-d", str(folder)]
    command += ["--disable-pip-version-check", "--no-input", "--retries=2", "--implementation=cp"]
    command += [f"--python-version={python}", *(f"--platform={tag}" for tag in platforms)]
    with tempfile.TemporaryDirectory(prefix="edge-pip-") as scratch:
        if constraints:
            pins = Path(scratch, "constraints.txt")
            pins.write_text(_for_python(constraints, python), encoding="utf-8")
            command += ["-c", str(pins)]
        _run([*command, *wanted], python, report)


def _for_python(constraints: Path, python: str) -> str:
    """Return the constraints of one Python, because pip compares their conditions with the Python that runs it."""
    try:
        text = constraints.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--constraints must be a text file that pip can read, and {constraints} is not") from error
    kept = []
    for line in text.splitlines():
        requirement, _, condition = line.partition(";")
        found = _VERSION.fullmatch(condition.strip())
        if found is None:
            kept.append(line)
        elif (int(python.split(".")[1]) < int(found[2])) == (found[1] == "<"):
            kept.append(requirement)
    return "\n".join(kept) + "\n"


def _run(command: Sequence[str], python: str, report: Callable[[str], None]) -> None:
    """Run pip, and report each file. Raises InputError with the last error that it printed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1].startswith("Saved "):
                report(Path(lines[-1].removeprefix("Saved ")).name)
    if process.returncode:
        raise InputError(_reason(lines, python))


def _reason(lines: Sequence[str], python: str) -> str:
    if any(name in line for name in _UNREACHABLE for line in lines):
        return "the package index cannot be reached: connect this machine, or set PIP_INDEX_URL to a mirror"
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    said = errors[-1] if errors else lines[-1] if lines else "it printed nothing"
    return (
        f"pip finds no set of wheels for that machine and Python {python}: {said[:300]}; set --python or --constraints"
    )
