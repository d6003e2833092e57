"""Command-line options for the meaning of a model's outputs, shared by several commands."""

import argparse
import json
from typing import Any


def add(group: Any) -> None:
    """Add the options ``--task`` and ``--decoder`` to a parser or argument group."""
    group.add_argument(
        "--task",
        metavar="NAME",
        help="task of the network: classify, detect, segment, keypoints, embed, regress, image or raw (default: found)",
    )
    group.add_argument(
        "--decoder",
        metavar="NAME",
        help="how the outputs become boxes or points: ssd, yolov5, yolov8, blazeface, … (default: found)",
    )


def add_parameters(group: Any) -> None:
    """Add the options that change parameters of the task, also those of a bundle."""
    group.add_argument(
        "--score-threshold",
        type=float,
        metavar="S",
        help="least score of a detected object, from 0 to 1 (default: the bundle's, or 0.3)",
    )
    group.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_parameter,
        metavar="NAME=VALUE",
        help="parameter of the task or its decoder, such as iou_threshold=0.5; VALUE is JSON or a word; repeatable",
    )


def parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the task parameters that the arguments state."""
    found = dict(arguments.parameter)
    for name in ("score_threshold", "top"):
        if (value := getattr(arguments, name, None)) is not None:
            found[name] = value
    return found


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
