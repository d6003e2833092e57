"""edge-doctor: check this machine, and show how to repair or install what is missing."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge.cli import _main

if TYPE_CHECKING:
    from edge.cli._checks import Check
    from edge.device import Device

_MARKS = {"ok": "ok", "absent": "-", "warning": "!", "broken": "FAIL"}

EPILOG = """\
ok: it works; -: it is optional and not installed; !: it works only in part; FAIL: it is required and does not work
(exit code 1). Every installed runtime loads and runs a tiny network as its self-check."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-doctor`` and return the exit code."""
    parser = argparse.ArgumentParser(prog="edge-doctor", description=__doc__, epilog=EPILOG)
    _main.add_json(parser)
    return _main.run(parser, _doctor, argv)


def _doctor(arguments: argparse.Namespace) -> int:
    from edge.device import this_device

    device = this_device()
    checks = examine(device)
    healthy = all(check.status != "broken" for check in checks)
    print(report(checks))
    content = {"device": device.as_json(), "healthy": healthy, "checks": [check.as_json() for check in checks]}
    _main.write_json(arguments.json, content)
    return _main.DONE if healthy else _main.FAILED


def examine(device: "Device") -> list["Check"]:
    """Return all checks of this machine, in the order of the report."""
    import importlib.util
    from pathlib import Path

    from edge.cli import _checks, _hardware

    return [
        *_hardware.machine(device),
        *_checks.python(),
        *_checks.numpy(),
        *_checks.opencv(),
        *_checks.runtimes(),
        *_checks.training(),
        *_hardware.cameras(),
        *_hardware.picamera(device, importlib.util.find_spec("picamera2") is not None),
        *_hardware.coral(),
        *_hardware.storage(Path.cwd()),
    ]


def report(checks: Sequence["Check"]) -> str:
    """Return the checks as aligned text. A line with the repair follows each check that needs one."""
    width = max(len(check.subject) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{_MARKS[check.status]:<5} {check.subject:<{width}}  {check.found}")
        if check.mend:
            lines.append(f"{'':<5} {'':<{width}}  -> {check.mend}")
    broken = [check.subject for check in checks if check.status == "broken"]
    verdict = f"broken: {', '.join(broken)}" if broken else "everything that is required works"
    return "\n".join([*lines, verdict])


if __name__ == "__main__":
    raise SystemExit(main())
