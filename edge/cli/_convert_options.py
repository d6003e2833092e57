"""The options of ``edge-convert`` beyond its model, and what they say as ``ConversionOptions``."""

import argparse
import ast
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main

if TYPE_CHECKING:
    from edge.deploy.conversion_options import ConversionOptions

ACTIVATIONS = {"probabilities": "none", "logits": "softmax"}
"""What ``--output`` says in the task's terms."""

RECORD_OR = "(default: from the training record, or 127.5)"


def add_groups(p: argparse.ArgumentParser) -> None:
    """Add the groups of options: meaning of the outputs, pixels, calibration and verification."""
    _add_meaning(p.add_argument_group("meaning of the outputs (default: from the training record, or recognized)"))
    _add_pixels(p.add_argument_group("pixels: input = (pixel - mean) / std, with pixels from 0 to 255"))
    _add_int8(p.add_argument_group("calibration of int8 files"))
    _add_gate(p.add_argument_group("verification of the files"))
    _add_explanation(p.add_argument_group("explanation and report"))


def _add_meaning(group: Any) -> None:
    group.add_argument(
        "--task",
        metavar="NAME",
        help="task of the network: classify, detect, segment, keypoints, embed, regress, image or raw",
    )
    group.add_argument("--decoder", metavar="NAME", help="how outputs become boxes or points: ssd, yolov8, …")
    group.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the task or decoder, such as score_threshold=0.3 or units=\"['m', 'deg']\"; repeatable",
    )
    group.add_argument(
        "--output", choices=tuple(ACTIVATIONS), help="what a classifier returns; sets --parameter activation=…"
    )
    group.add_argument(
        "--input-kind",
        choices=("image", "tensor"),
        help="whether the inputs are pictures or other numbers (default: derived from their shapes)",
    )


def _add_pixels(group: Any) -> None:
    group.add_argument("--mean", type=_main.numbers, metavar="M[,M,M]", help=f"mean of the pixels {RECORD_OR}")
    group.add_argument("--std", type=_main.numbers, metavar="S[,S,S]", help=f"divisor of the pixels {RECORD_OR}")
    group.add_argument(
        "--colour", choices=("RGB", "BGR", "GRAY"), help="order of the channels (default: RGB, or GRAY for 1 channel)"
    )
    group.add_argument(
        "--resize",
        choices=("stretch", "letterbox", "crop", "tile"),
        help="how a picture is fitted to the input; tile cuts windows at its own resolution (default: from the "
        "training record, where view=crop means tile, or stretch)",
    )


def _add_int8(group: Any) -> None:
    group.add_argument("--calibrate", metavar="DATA", help="samples from which the int8 ranges are computed, see below")
    group.add_argument(
        "--samples", type=int, default=200, metavar="N", help="number of calibration samples (default 200)"
    )
    group.add_argument(
        "--method",
        choices=("mse", "minmax"),
        default="mse",
        help="how ranges are computed: mse has the least squared error, minmax clips nothing (default mse)",
    )
    group.add_argument(
        "--float-layers",
        metavar="LIST",
        help="layers that stay float in the int8 file, by the names that --explain prints (default: none)",
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="seed for choosing samples (default 0)")
    group.add_argument(
        "--io",
        choices=("int8", "uint8", "float32"),
        help="dtype of inputs and outputs of int8 TFLite files (default: the target's, or int8)",
    )


def _add_gate(group: Any) -> None:
    group.add_argument("--verify", metavar="DATA", help="samples on which the files are compared with MODEL, see below")
    group.add_argument(
        "--verify-samples", type=int, metavar="N", help="largest number of verification samples (default: all)"
    )
    group.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="largest loss of quality (accuracy, mAP, Dice …) of int8 files (default: the task's, 0.5 for classify)",
    )
    group.add_argument(
        "--min-agreement",
        type=float,
        metavar="VALUE",
        help="least agreement of int8 files with MODEL: percent, dB or cosine (default: the task's, 98 for classify)",
    )
    group.add_argument(
        "--min-onnx-agreement",
        type=float,
        metavar="VALUE",
        help="least agreement of int8 ONNX with int8 TFLite (default: a quarter of the task's allowed disagreement)",
    )


def _add_explanation(group: Any) -> None:
    group.add_argument(
        "--explain",
        action="store_true",
        help="name the layers that lose most in the int8 file, try what might mend them, and draw a plot; also where "
        "the verification fails",
    )
    group.add_argument(
        "--report",
        type=Path,
        metavar="FOLDER",
        help="write report.html, a page without links to elsewhere, and report.json into this folder; also where the "
        "verification fails",
    )


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the name of an input, which may be empty, and its sizes. Raises ArgumentTypeError for other text."""
    name, _, sizes = text.rpartition("=")
    parts = sizes.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"expected sizes like 224,224,3 or NAME=1,224,224,3, got {text!r}")
    return name, tuple(map(int, parts))


def _parameter(text: str) -> tuple[str, Any]:
    """Return name and value of NAME=VALUE. VALUE is a Python literal, JSON's true, false or null, or else text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    words = {"true": True, "false": False, "null": None}
    if value in words:
        return name, words[value]
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name, value
    return name, list(found) if isinstance(found, tuple) else found


def conversion_options(a: argparse.Namespace) -> "ConversionOptions":
    """Return the options of the conversion. An invalid budget raises InputError here, before any work is done."""
    import shlex

    from edge.cli._data import data_path
    from edge.deploy.conversion_options import Calibration, ConversionOptions
    from edge.deploy.parity import Gate
    from edge.deploy.signature import Pixels

    budgets = (a.min_agreement, a.min_onnx_agreement, a.max_drop)
    gate = Gate(data_path(a.verify or ""), a.verify_samples, a.seed, *budgets)
    return ConversionOptions(
        out=a.out,
        tflite=_listed(a.tflite),
        onnx=_listed(a.onnx),
        method=a.method,
        float_layers=_listed(a.float_layers) or (),
        io=a.io,
        opset=a.opset,
        target=a.target,
        calibration=None if a.calibrate is None else Calibration(data_path(a.calibrate), a.samples, a.seed),
        gate=None if a.verify is None else gate,
        task=a.task,
        decoder=a.decoder,
        parameters=_parameters(a),
        kind=a.input_kind,
        pixels=Pixels(a.mean, a.std, a.colour, a.resize),
        name=a.name,
        labels=a.labels,
        signature=a.signature,
        inputs=_listed(a.inputs) or (),
        outputs=_listed(a.outputs) or (),
        shapes=dict(a.input_shape),
        trust=a.trust,
        explain=a.explain,
        report=a.report,
        command=shlex.join(("edge-convert", *a.argv)),
    )


def _parameters(a: argparse.Namespace) -> Mapping[str, Any]:
    activation = {} if a.output is None else {"activation": ACTIVATIONS[a.output]}
    return {**activation, **dict(a.parameter)}


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))
