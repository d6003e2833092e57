"""edge-bench: how fast bundles and model files run on this machine, over backends and thread counts."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge.cli import _main

EPILOG = """\
examples:
  edge-bench net.edge
  edge-bench net.edge --tune                                   edge-camera then takes the fastest on this machine
  edge-bench net_int8.tflite net_float32.onnx --threads 1,2 --seconds 3 --plot speed.png

Each combination is run on one random input: warm-up, then at least 20 runs and SECONDS seconds. The fastest
of each bundle or file is marked with *. A network that runs on tiles is timed on one window of a frame.
Nothing else should be busy on the machine while it measures."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return _main.run(_parser(), _bench, argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-bench", description=__doc__, epilog=EPILOG, formatter_class=_main.FORMATTER
    )
    parser.add_argument("models", nargs="+", type=Path, metavar="BUNDLE|FILE", help="a bundle, .tflite or .onnx")
    parser.add_argument(
        "--backends", type=_names, metavar="all|NAMES", help="runtimes, separated by commas (default: all installed)"
    )
    parser.add_argument(
        "--threads", type=_counts, metavar="COUNTS", help="thread counts, like 1,2 (default: 1 and one a core, to 4)"
    )
    parser.add_argument("--seconds", type=_seconds, default=1.0, help="time for each combination (default: 1)")
    parser.add_argument("--precision", metavar="NAME", help="only the bundles' files of it, like int8")
    parser.add_argument(
        "--tune", action="store_true", help="record each bundle's fastest beside it, for edge-camera to use"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the table as a PNG")
    _main.add_json(parser)
    return parser


def _bench(arguments: argparse.Namespace) -> int | None:
    from edge.backends import default_threads
    from edge.bench import autotune, plan, report
    from edge.device import this_device
    from edge.errors import InputError

    models = plan.ModelFiles(arguments.models, arguments.precision)
    threads = arguments.threads or sorted({1, default_threads()})
    todo = plan.jobs(models, arguments.backends, threads)
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
