"""``edge-convert``: from a network to a verified bundle of TFLite and ONNX files."""

import argparse
import ast
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main

if TYPE_CHECKING:
    from edge.deploy.package import Conversion
    from edge.manifest import Manifest

EXAMPLES = """\
examples:
  edge-convert run/model.keras --out net.edge --calibrate photos.zip --verify photos.zip
  edge-convert qat/model.h5 --out net --onnx int8 --verify photos.zip --max-drop 0.5 --min-agreement 99
  edge-convert resnet.h5 --out net --mean 0 --std 1 --labels labels.txt --calibrate photos/
  edge-convert yolo.keras --out net --task detect --decoder yolov8 --mean 0 --std 255 --calibrate voc/ --verify voc/
  edge-convert two_inputs.keras --out net --task regress --calibrate arrays.npz --verify arrays.npz
  edge-convert zoo:mobilenet_v2 --out net --tflite float32

MODEL: .keras (Keras 2 or 3), .h5, a SavedModel folder, .tflite, .onnx, zoo:NAME or package.module:function. It may have
several inputs and outputs. What they mean, the labels, mean and std are taken from the training record beside MODEL
where there is one; otherwise they are recognized or said here. What was assumed is printed and kept in the bundle.

DATA is what the network takes: pictures in a folder or a zip, with train/<class>/ and test/<class>/, with boxes (VOC),
masks or keypoints (COCO), or without anything; a set that is drawn here, named as in edge-train --help; .wav files;
clips; sentences, for a network with a vocabulary.txt beside it; or an .npz file with an array for each input, and its
truths in "labels" or in an array called as the output.

With --verify the files are compared with MODEL as its task compares; over budget is exit code 1 and no bundle.
"""

ACTIVATIONS = {"probabilities": "none", "logits": "softmax"}
"""What ``--output`` says in the task's terms."""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-convert",
        description="Convert a network to TFLite and ONNX, verify the files and bundle them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("model", metavar="MODEL", help="the network, see below")
    p.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="a folder, or a single file NAME.edge")
    p.add_argument("--tflite", metavar="LIST", help="float32,int8 (default: all that MODEL and --calibrate allow)")
    p.add_argument("--onnx", metavar="LIST", help="float32,int8 (default: as --tflite; none when --tflite is given)")
    p.add_argument("--name", help="of the bundle; default the network's")
    p.add_argument("--labels", type=Path, metavar="FILE", help="one a line; default labels.txt beside MODEL")
    p.add_argument("--signature", metavar="NAME", help="which function of a SavedModel; default serving_default")
    p.add_argument("--trust", action="store_true", help="allow Lambda layers and file operations in MODEL")
    _add_meaning(p.add_argument_group("what the outputs mean; default: the training record's, or recognized"))
    _add_pixels(p.add_argument_group("pixels: input = (pixel - mean) / std, pixel 0 to 255"))
    _add_int8(p.add_argument_group("int8"))
    _add_gate(p.add_argument_group("gate"))
    _main.add_json(p)
    return p


def _add_meaning(group: Any) -> None:
    group.add_argument(
        "--task", metavar="NAME", help="classify, detect, segment, keypoints, embed, regress, image, raw"
    )
    group.add_argument("--decoder", metavar="NAME", help="of a detector's or a pose network's outputs: ssd, yolov8, …")
    group.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of task or decoder, e.g. score_threshold=0.3, units=\"['m', 'deg']\"; may be repeated",
    )
    group.add_argument(
        "--output", choices=tuple(ACTIVATIONS), help="what a classifier returns: short for --parameter activation=…"
    )
    group.add_argument(
        "--input-kind",
        choices=("image", "tensor"),
        help="whether inputs are pictures or other numbers; default: told by their shapes",
    )


def _add_pixels(group: Any) -> None:
    group.add_argument("--mean", type=_main.numbers, metavar="M[,M,M]", help="default: the training record's, or 127.5")
    group.add_argument("--std", type=_main.numbers, metavar="S[,S,S]", help="default: the training record's, or 127.5")
    group.add_argument("--colour", choices=("RGB", "BGR", "GRAY"), help="order; default RGB, GRAY for 1 channel")
    group.add_argument(
        "--resize",
        choices=("stretch", "letterbox", "crop", "tile"),
        help="how a picture goes into the input; tile: in windows at its own resolution (default: the record's, where "
        "training with view=crop gives tile, or stretch)",
    )


def _add_int8(group: Any) -> None:
    group.add_argument("--calibrate", metavar="DATA", help="samples whose ranges int8 is fitted to, see below")
    group.add_argument("--samples", type=int, default=200, metavar="N", help="how many of them (default 200)")
    group.add_argument(
        "--method",
        choices=("mse", "minmax"),
        default="mse",
        help="how ranges are fitted: mse clips what costs less than it saves, minmax keeps all (default mse)",
    )
    group.add_argument("--seed", type=int, default=0, help="of their choice (default 0)")


def _add_gate(group: Any) -> None:
    group.add_argument("--verify", metavar="DATA", help="samples to compare the files with MODEL on, see below")
    group.add_argument("--verify-samples", type=int, metavar="N", help="at most so many (default all)")
    group.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="of int8 quality (accuracy, mAP, Dice …) where truths are known (default the task's, 0.5 for classify)",
    )
    group.add_argument(
        "--min-agreement",
        type=float,
        metavar="VALUE",
        help="of int8 with MODEL, in percent, dB or cosine as the task measures (default the task's, 98 for classify)",
    )
    group.add_argument(
        "--min-onnx-agreement",
        type=float,
        metavar="VALUE",
        help="of int8 ONNX with int8 TFLite (default a quarter of the loss that --min-agreement allows by default)",
    )


def _parameter(text: str) -> tuple[str, Any]:
    """Return name and value; a value that is no Python literal is text, and true, false and null are JSON's."""
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


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    from edge.deploy import package
    from edge.deploy.convert.source import check_kind

    check_kind(a.model)
    wanted = _wanted(a)
    _main.quiet_tensorflow()
    listener = package.Listener(tell=lambda line: print(line, file=sys.stderr), progress=_main.progress)
    manifest = package.convert(wanted, listener)
    _main.write_json(a.json, {"bundle": str(a.out), "manifest": _as_json(manifest)})
    _show(manifest, a.out)


def _as_json(manifest: "Manifest") -> Any:
    """Return the manifest as it stands in the bundle, where the labels are a file beside it."""
    written = "".join(f"{label}\n" for label in manifest.labels).encode()
    return manifest.as_json(hashlib.sha256(written).hexdigest())


def _wanted(a: argparse.Namespace) -> "Conversion":
    """Return what the arguments ask for; InputError for what is no budget, before the work and not after it."""
    from edge.cli._data import data_path
    from edge.deploy.package import Calibration, Conversion
    from edge.deploy.parity import Gate
    from edge.deploy.signature import Pixels

    budgets = (a.min_agreement, a.min_onnx_agreement, a.max_drop)
    gate = Gate(data_path(a.verify or ""), a.verify_samples, a.seed, *budgets)
    return Conversion(
        model=a.model,
        out=a.out,
        tflite=_precisions(a.tflite),
        onnx=_precisions(a.onnx),
        method=a.method,
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
        trust=a.trust,
    )


def _parameters(a: argparse.Namespace) -> Mapping[str, Any]:
    activation = {} if a.output is None else {"activation": ACTIVATIONS[a.output]}
    return {**activation, **dict(a.parameter)}


def _precisions(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))


def _show(manifest: "Manifest", out: Path) -> None:
    """Print the files and how they compare with the model, or with what they were made from."""
    parity = {row["candidate"]: row for row in manifest.measured["parity"]}
    for artifact in manifest.artifacts:
        line = f"{artifact.file:24} {artifact.bytes / 1024:8.0f} KiB"
        if artifact.file in parity:
            line += f"  {_compared(parity[artifact.file])}"
        print(line)
    task = manifest.signature.task
    print(f"bundle {manifest.name!r} in {out}, to {' by '.join(filter(None, (task.name, task.decoder)))}")


def _compared(row: Mapping[str, Any]) -> str:
    """Return how a file compares, by the task's measure, and its quality with the model's in brackets."""
    digits, unit = (2, row["unit"]) if row["unit"] in ("%", "dB") else (4, row["unit"])
    value = "equal" if row["agreement"] is None else f"{row['agreement']:.{digits}f} {unit}".strip()
    line = f"{row['measure']} {value} with {row['reference']} on {row['samples']}"
    if row["quality"] is not None:
        line += f", {row['quality_name']} {row['quality']:.2f} ({row['reference_quality']:.2f})"
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
