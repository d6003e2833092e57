"""edge-doctor: check this machine, and show how to repair or install what is missing."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import _main

if TYPE_CHECKING:
    from edge.doctor import Check

SCHEMA = 1
"""The version of the JSON form, see docs/doctor.md."""

_MARKS = {"ok": "ok", "absent": "-", "warning": "!", "broken": "FAIL"}

EPILOG = """\
ok: it works; -: it is optional and not there; !: it works only in part, or not for long; FAIL: it is required and
does not work (exit code 1). Every installed runtime loads and runs a tiny network as its self-check."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-doctor`` and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="edge-doctor", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="look at copies of another machine's /proc, /sys, /dev, /run and /var/lib/dpkg/status below DIR; Python, "
        "its packages and the free space are left out then (default /)",
    )
    _main.add_json(parser)
    return _main.run(parser, _doctor, argv)


def _doctor(arguments: argparse.Namespace) -> int:
    from edge import doctor
    from edge.errors import FileError

    if not arguments.root.is_dir():
        raise FileError(f"--root must be a folder, got {arguments.root}")
    system = doctor.System(arguments.root)
    checks = doctor.examine(system)
    healthy = all(check.status != "broken" for check in checks)
    print(report(checks))
    content = {
        "schema": SCHEMA,
        "device": doctor.describe(system).as_json(),
        "healthy": healthy,
        "checks": [check.as_json() for check in checks],
    }
    _main.write_json(arguments.json, content)
    return _main.DONE if healthy else _main.FAILED


def report(checks: "Sequence[Check]") -> str:
    """Return the checks as aligned text. A line with the repair follows each check that needs one."""
    from edge.labels import printable

    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.status]:<5} {check.subject:<{width}}  {check.found}")
        if check.mend:
            lines.append(f"{'':<5} {'':<{width}}  -> {check.mend}")
    broken = [check.subject for check in checks if check.status == "broken"]
    verdict = f"broken: {', '.join(broken)}" if broken else "everything that is required works"
    return "\n".join(map(printable, [*lines, verdict]))


if __name__ == "__main__":
    raise SystemExit(main())
