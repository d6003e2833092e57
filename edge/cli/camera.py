"""edge-camera: run a model on a camera, a video, a stream or images, and show the results."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli import _main, _signals, _task_options

if TYPE_CHECKING:
    from edge.cli._supervised import Supervised
    from edge.session import SessionOptions
    from edge.sinks.base import Sink
    from edge.sources.base import Source

SOURCE = "0 or /dev/video0, a video, an image, a folder of images, rtsp:// or http://, picamera, synthetic[:WxH@FPS]"
EPILOG = """\
examples:
  edge-camera --model net.edge                                          the first camera, until Ctrl-C
  edge-camera --model net.edge --source photos/ --jsonl results.jsonl
  edge-camera --model net.edge --source clip.mp4 --record seen.avi --quiet
  edge-camera --model yolo.onnx --labels coco.txt --source cat.jpg --snapshot seen.png --score-threshold 0.5
  edge-camera --model net.edge --source synthetic --max-frames 50        without a camera: drawn frames

Cameras and streams: the newest frame is processed, and older ones that wait are dropped. After an error the source
is opened again. The loop runs until --max-frames, Ctrl-C (exit code 130) or SIGTERM (exit code 0). A camera that
cannot be opened at the start is an error (exit code 2); a stream is tried again.
Files and folders: every frame is processed, in order, and the loop ends after the last one.
Output files are complete however the loop ends. A file that cannot be written ends the loop; a terminal that is slow
or closed does not. The summary counts separately: frames that a newer one replaced (dropped), frames that were not
processed on purpose (skipped), and results that a slow output did not take (lost)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-camera`` and return the exit code."""
    if argv is None:  # only as a process of its own: collecting the objects of the imports would take 20 ms
        gc.disable()
    return _main.run(parser(), _camera, argv)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(
        prog="edge-camera", description=__doc__, epilog=EPILOG, formatter_class=_main.Formatter
    )
    parser.add_argument(
        "--model",
        required=True,
        type=Path,
        metavar="BUNDLE|FILE",
        help="the model: a bundle, a .tflite or an .onnx file",
    )
    parser.add_argument("--source", default="0", metavar="SOURCE", help=f"{SOURCE} (default: 0)")
    parser.add_argument("--max-frames", type=_count, metavar="N", help="end after N results (default: no limit)")
    parser.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        default=0,
        metavar="DEGREES",
        help="rotate frames clockwise before the network, by 90, 180 or 270 (default 0)",
    )
    _main.add_json(parser)
    _add_results(parser)
    _add_choice(parser)
    _add_format(parser)
    return parser


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--top",
        type=_count,
        metavar="K",
        help="number of labels per frame of a classifier (default: the bundle's, or 1)",
    )
    _task_options.add_parameters(group)
    group.add_argument("--jsonl", metavar="FILE", help="write one JSON object per frame to FILE; - is stdout")
    group.add_argument("--record", metavar="FILE", help="write an annotated video to FILE, .avi or .mp4")
    group.add_argument("--snapshot", metavar="FILE", help="write the last frame, annotated, to FILE, .jpg or .png")
    group.add_argument(
        "--sink",
        action="append",
        default=[],
        type=_sink,
        metavar="NAME=TARGET",
        help="add any sink by its name; repeatable",
    )
    group.add_argument("--quiet", action="store_true", help="do not print a line per frame")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "how the model runs", "default: the bundle's tuning record, else the preferred values"
    )
    group.add_argument("--backend", metavar="NAME", help="runtime, such as litert or onnxruntime")
    group.add_argument("--device", metavar="D", help="which Edge TPU: usb, pci, usb:0, pci:1 … (default: the first)")
    group.add_argument("--threads", type=_count, metavar="N", help="number of threads of the model")
    group.add_argument("--precision", metavar="P", help="precision of the bundle's file: int8, float32, …")


def _add_format(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("files without a bundle", "a bundle contains all of this")
    _task_options.add(group)
    group.add_argument(
        "--labels", type=Path, metavar="FILE", help="class names in the order of the classes, one on each line"
    )
    group.add_argument(
        "--colour", choices=("RGB", "BGR", "GRAY"), help="order of the input's channels (default: found)"
    )
    group.add_argument(
        "--mean",
        type=_main.numbers,
        metavar="M",
        help="mean of the pixels 0 to 255: one number, or R,G,B (default: found)",
    )
    group.add_argument(
        "--std", type=_main.numbers, metavar="S", help="divisor of the pixels: one number, or R,G,B (default: found)"
    )
    group.add_argument(
        "--resize",
        choices=("stretch", "letterbox", "crop", "tile"),
        help="how a frame is fitted to the input: stretch ignores its aspect ratio (default), letterbox pads it, crop "
        "takes its centre, tile runs on windows of it at its own resolution (segment and image only)",
    )


def _camera(arguments: argparse.Namespace) -> int:
    from edge.opening import open_session
    from edge.pipeline import Loop
    from edge.sources import open_source

    talk = sys.stderr if arguments.jsonl == "-" else sys.stdout
    supervised = _supervised() if "NOTIFY_SOCKET" in os.environ else None
    with ExitStack() as open_things:
        session = open_things.enter_context(open_session(arguments.model, _options(arguments)))
        source = open_things.enter_context(open_source(arguments.source))
        beat = supervised.beat if supervised else None
        loop = Loop(source, session, max_frames=arguments.max_frames, heartbeat=beat)
        sinks = _open_sinks(arguments, source, open_things)
        print(f"{session.name} on {session.backend}, {session.threads} thread(s), source {source.name}", file=talk)
        for note in session.notes:
            print(note, file=talk)
        _collect_garbage()
        if supervised is not None:
            open_things.callback(supervised.stopping)
            supervised.ready(loop.stats)
        with _signals.stopping(loop.stop) as received:
            stats = loop.run(sinks)
    print(stats.line(), file=talk)
    chosen = {"model": session.name, "backend": session.backend, "threads": session.threads, "source": source.name}
    _main.write_json(arguments.json, {**chosen, **stats.as_json()})
    return _main.INTERRUPTED if signal.SIGINT in received else _main.DONE


def _supervised() -> "Supervised | None":
    from edge.cli import _supervised  # only a service has a manager

    return _supervised.by_manager()


def _options(arguments: argparse.Namespace) -> "SessionOptions":
    from edge.session import SessionOptions

    named = (
        "backend",
        "device",
        "threads",
        "precision",
        "labels",
        "task",
        "decoder",
        "colour",
        "mean",
        "std",
        "resize",
    )
    given = {name: getattr(arguments, name) for name in named}
    return SessionOptions(**given, parameters=_task_options.parameters(arguments), rotation=arguments.rotate)


def _open_sinks(arguments: argparse.Namespace, source: "Source", open_things: ExitStack) -> "list[Sink]":
    from edge.sinks import open_sink

    wanted = [(name, target) for name in ("jsonl", "record", "snapshot") if (target := getattr(arguments, name))]
    wanted += arguments.sink
    if not arguments.quiet:
        wanted.append(("terminal", "stderr" if arguments.jsonl == "-" else "stdout"))
    return [open_things.enter_context(open_sink(name, target, source)) for name, target in wanted]


def _collect_garbage() -> None:
    """Let Python collect garbage again, without what the start has made."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _sink(text: str) -> tuple[str, str]:
    name, _, target = text.partition("=")
    return name, target


if __name__ == "__main__":
    raise SystemExit(main())
