"""edge-bench: measure how fast bundles and model files run on this machine, by backend and number of threads."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge.cli import _main

EPILOG = """\
examples:
  edge-bench net.edge
  edge-bench net.edge --tune                                   (edge-camera then uses the fastest combination)
  edge-bench net_int8.tflite net_float32.onnx --threads 1,2 --seconds 3 --plot speed.png

Each combination runs on one random input: a warm-up, then at least 20 runs and at least SECONDS seconds. The fastest
combination of each bundle or file is marked with *. For a network that runs on tiles, one window of a frame is timed.
No other program should be busy during the measurement."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-bench`` and return the exit code."""
    return _main.run(_parser(), _bench, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-bench", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument(
        "models", nargs="+", type=Path, metavar="BUNDLE|FILE", help="a bundle, a .tflite or an .onnx file"
    )
    parser.add_argument(
        "--backends",
        type=_names,
        metavar="all|NAMES",
        help="runtimes to measure, separated by commas (default: all installed)",
    )
    parser.add_argument(
        "--device", metavar="D", help="which Edge TPU to measure on: usb, pci, usb:0, pci:1 … (default: the first)"
    )
    parser.add_argument(
        "--threads",
        type=_counts,
        metavar="COUNTS",
        help="numbers of threads, such as 1,2 (default: 1, and the number of cores up to 4)",
    )
    parser.add_argument("--seconds", type=_seconds, default=1.0, help="seconds for each combination (default 1)")
    parser.add_argument(
        "--precision", metavar="NAME", help="measure only the bundles' files of this precision, such as int8"
    )
    parser.add_argument(
        "--tune", action="store_true", help="save the fastest combination beside each bundle, for edge-camera"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the result as a PNG file")
    _main.add_json(parser)
    return parser


def _bench(arguments: argparse.Namespace) -> int | None:
    from edge.backends import default_threads
    from edge.bench import autotune, plan, report
    from edge.device import this_device
    from edge.errors import InputError

    models = plan.ModelFiles(arguments.models, arguments.precision)
    threads = arguments.threads or sorted({1, default_threads()})
    todo = plan.jobs(models, arguments.backends, threads, arguments.device)
    rows = plan.run(todo, arguments.seconds, _main.progress("measured"))
    device = this_device()
    if any(row.timing for row in rows):
        print(f"{device.model}, {device.cores} core(s), {device.os}")
        print(report.table(rows))
    _main.write_json(arguments.json, report.as_json(rows, device, arguments.seconds))
    if arguments.plot:
        report.plot(rows, device, arguments.plot)
    if arguments.tune:
        for path in autotune.write_tuning(rows, device):
            print(f"tuning for {device.id} written to {path}")
    timed = {row.job.file.origin for row in rows if row.timing}
    for path in arguments.models:
        if path not in timed:
            errors = (row.error for row in rows if row.job.file.origin == path and row.error)
            raise InputError(f"nothing could run {path}: {next(errors)}")
    return None


def _names(text: str) -> list[str] | None:
    if text == "all":
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("must name at least one backend, or all")
    return names


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise argparse.ArgumentTypeError(f"must be counts of at least 1 separated by commas, got {text!r}")
    return list(dict.fromkeys(counts))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most 3600, got {text!r}")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
