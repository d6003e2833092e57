"""The options of edge-camera. ``_camera_mapping`` makes a configuration of them."""

import argparse
from pathlib import Path

from edge.cli import _main, _task_options, _values

SOURCE = "0 or /dev/video0, a video, an image, a folder, rtsp:// or http://, picamera, synthetic[:WxH@FPS]"


def add(parser: argparse.ArgumentParser) -> None:
    """Add all options."""
    _add_run(parser)
    _add_sources(parser)
    _add_results(parser)
    _add_gates(parser)
    _add_outputs(parser)
    _add_events(parser)
    _add_choice(parser)
    _add_format(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="BUNDLE|FILE", help="the model: a bundle, .tflite or .onnx file")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="a camera.toml, which says everything that the options say; options that are stated as well go first",
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print the camera.toml that the options amount to, and end"
    )
    parser.add_argument("--max-frames", type=_values.count, metavar="N", help="end after N results (default: no limit)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_values.setting,
        metavar="KEY=VALUE",
        help="set any other key of camera.toml, such as track.max_age=2 or source[0].rotate=90; repeatable",
    )
    _main.add_json(parser)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sources")
    group.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="[NAME=]SOURCE",
        help=f"{SOURCE}; repeatable, for several cameras with one model (default: 0)",
    )
    group.add_argument("--size", type=_values.size, metavar="WxH", help="size in pixels that a camera is asked for")
    group.add_argument("--rate", type=float, metavar="R", help="frames per second that a camera is asked for")
    group.add_argument("--format", choices=("MJPG", "YUYV"), help="pixel format that a V4L2 camera is asked for")
    group.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        metavar="DEGREES",
        help="rotate frames clockwise by 90, 180 or 270 before everything else",
    )
    group.add_argument("--flip", choices=("horizontal", "vertical"), help="mirror frames, after the rotation")
    group.add_argument(
        "--region",
        type=_values.region,
        metavar="X0,Y0,X1,Y1",
        help="use this part of each frame only; fractions from 0 to 1 of the rotated frame",
    )
    group.add_argument(
        "--realtime", action="store_const", const=True, help="play a video at its own rate, as a camera would"
    )
    group.add_argument(
        "--source-option",
        action="append",
        default=[],
        type=_values.pair,
        metavar="NAME=VALUE",
        help="option of the source's own kind, such as transport=udp; repeatable",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--top",
        type=_values.count,
        metavar="K",
        help="number of labels per frame of a classifier (default: the bundle's, or 1)",
    )
    _task_options.add_parameters(group)
    group.add_argument(
        "--show",
        action="append",
        metavar="LABEL,LABEL",
        help="keep results with these labels only; repeatable (default: all)",
    )
    group.add_argument(
        "--line",
        action="append",
        type=_values.shape,
        metavar="NAME=X0,Y0,X1,Y1…",
        help="count objects that cross this line; fractions of the frame; repeatable",
    )
    group.add_argument(
        "--zone",
        action="append",
        type=_values.shape,
        metavar="NAME=X0,Y0,X1,Y1,X2,Y2…",
        help="count objects in this polygon; fractions of the frame; repeatable",
    )
    group.add_argument(
        "--dwell", type=float, metavar="S", help="an object that stays in a zone for S seconds is an event, dwell:NAME"
    )


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("outputs")
    group.add_argument("--jsonl", metavar="FILE", help="write one JSON object per frame to FILE; - is stdout")
    group.add_argument("--record", metavar="FILE", help="write an annotated video to FILE, .avi or .mp4")
    group.add_argument("--snapshot", metavar="FILE", help="write the last frame, annotated, to FILE, .jpg or .png")
    group.add_argument("--csv", metavar="FILE", help="write a table with a row for each thing found; - is stdout")
    group.add_argument("--mqtt", metavar="URL", help="publish results: mqtt://user:${PASSWORD}@host/prefix")
    group.add_argument("--metrics", metavar="[HOST:]PORT", help="serve metrics for Prometheus on 127.0.0.1:PORT")
    group.add_argument(
        "--preview",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="serve a web page with live video and settings (default 127.0.0.1:8080; another host needs a token)",
    )
    group.add_argument(
        "--preview-token",
        metavar="TOKEN",
        help="token that visitors of the page must know; name it as ${NAME} or ${file:PATH} (default: a new one, "
        "unless only this machine reaches the address)",
    )
    group.add_argument(
        "--preview-name",
        action="append",
        metavar="HOST",
        help="another host name under which browsers open the page, such as a reverse proxy's; repeatable",
    )
    group.add_argument(
        "--sink",
        action="append",
        default=[],
        type=_values.sink,
        metavar="NAME=TARGET",
        help="add any output by its name; repeatable",
    )
    group.add_argument(
        "--sink-option",
        action="append",
        default=[],
        type=_values.sink_option,
        metavar="NAME.OPTION=VALUE",
        help="option of an output, such as clips.pre_roll=8; repeatable",
    )
    group.add_argument("--quiet", action="store_true", help="do not print a line per frame")


def _add_events(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("when something happens")
    group.add_argument(
        "--on",
        action="append",
        metavar="CONDITION",
        help="what counts as an event: person, person>0.6, zone:NAME, line:NAME, dwell:NAME or any; repeatable "
        "(default: any)",
    )
    group.add_argument("--clips", metavar="DIR", help="record a video of each event, with the seconds before it")
    group.add_argument("--snapshots", metavar="DIR", help="write a picture of each event")
    group.add_argument("--webhook", metavar="URL", help="post each event as JSON")
    group.add_argument("--hook", metavar="COMMAND", help="run a shell command for each event, with its JSON on stdin")


def _add_gates(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the network gets and how objects are followed")
    group.add_argument(
        "--track",
        nargs="?",
        const="bytetrack",
        choices=("bytetrack", "sort"),
        help="give objects numbers that stay from frame to frame (default method: bytetrack)",
    )
    group.add_argument(
        "--motion",
        nargs="?",
        const="frame",
        choices=("frame", "crop"),
        help="skip frames while nothing moves; crop gives the network the moving part only",
    )
    group.add_argument(
        "--then",
        action="append",
        type=Path,
        metavar="BUNDLE",
        help="run a second model on the objects that the first one finds; repeatable",
    )
    group.add_argument(
        "--gallery",
        type=Path,
        metavar="DIR",
        help="name what an embedding model sees by the nearest picture NAME.jpg or NAME/*.jpg in DIR, or as unknown",
    )
    group.add_argument("--stride", type=_values.count, metavar="N", help="give the network every N-th frame")
    group.add_argument("--max-rate", type=float, metavar="R", help="give the network at most R frames per second")
    group.add_argument(
        "--cool-at",
        type=float,
        metavar="DEGREES",
        help="lower the rate step by step from this temperature of the processor on, in degrees Celsius",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "how the model runs", "default: the bundle's tuning record, else the preferred values"
    )
    group.add_argument("--backend", metavar="NAME", help="runtime, such as litert or onnxruntime")
    group.add_argument("--device", metavar="D", help="which Edge TPU: usb, pci, usb:0, pci:1 … (default: the first)")
    group.add_argument("--verbose", action="store_true", help="say why each other runtime is not used")
    group.add_argument("--threads", type=_values.count, metavar="N", help="number of threads of the model")
    group.add_argument(
        "--isolate",
        action="store_const",
        const=True,
        help="run the model in a worker process, with a second one that takes over when it crashes or hangs",
    )
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
