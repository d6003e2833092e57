"""``edge-convert --check``: where a model file's operations run. It writes no bundle."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.deploy.placement_report.placements import PlacementReport

CHECKS = ("edgetpu", "xnnpack", "onnxruntime")


def add_check(group: Any) -> None:
    """Add the options ``--check`` and ``--log``."""
    group.add_argument(
        "--check",
        choices=CHECKS,
        help="instead of converting, report for each operation of MODEL where it runs, why, and the mend: on the Edge "
        "TPU (.tflite, without its compiler), in the XNNPACK delegate (.tflite), or fused by ONNX Runtime (.onnx)",
    )
    group.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="with --check edgetpu, follow this log of edgetpu_compiler -s instead of its documented rules",
    )


def check_options(a: argparse.Namespace) -> None:
    """Raise InputError for options that do not go together."""
    if a.check is None and a.out is None:
        raise InputError("the bundle's place is missing: give --out BUNDLE, or --check to report where MODEL would run")
    if a.check is None and a.log is not None:
        raise InputError("--log belongs to --check edgetpu")
    if a.check is not None and a.out is not None:
        raise InputError("--check writes no bundle: give --check or --out, not both")
    if a.check in ("xnnpack", "onnxruntime") and a.log is not None:
        raise InputError(f"--log is of the Edge TPU compiler, and belongs to --check edgetpu, not {a.check}")


def run(a: argparse.Namespace) -> None:
    """Print the report of ``--check``, and write it as JSON."""
    report = _report(a.check, Path(a.model), a.log)
    _main.write_json(a.json, report.as_json())
    for line in report.text():
        print(line)


def _report(check: str, path: Path, log: Path | None) -> "PlacementReport":
    # Each check imports what it needs: the Edge TPU's imports no interpreter.
    if check == "xnnpack":
        from edge.deploy.placement_report import xnnpack

        return xnnpack.report(path)
    if check == "onnxruntime":
        from edge.deploy.placement_report import onnxruntime

        return onnxruntime.report(path)
    if log is not None:
        from edge.deploy.placement_report import edgetpu_log

        return edgetpu_log.report(path, log)
    from edge.deploy.placement_report import edgetpu

    return edgetpu.report(path)
