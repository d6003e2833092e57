"""``edge-convert`` converts a network to a verified bundle of TFLite and ONNX files."""

import argparse
import ast
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main, _placement

if TYPE_CHECKING:
    from edge.deploy.conversion_options import ConversionOptions
    from edge.manifest import Manifest

EXAMPLES = """\
examples:
  edge-convert run/model.keras --out net.edge --calibrate photos.zip --verify photos.zip
  edge-convert qat/model.h5 --out net --onnx int8 --verify photos.zip --max-drop 0.5 --min-agreement 99
  edge-convert resnet.h5 --out net --mean 0 --std 1 --labels labels.txt --calibrate photos/
  edge-convert yolo.keras --out net --task detect --decoder yolov8 --mean 0 --std 255 --calibrate voc/ --verify voc/
  edge-convert two_inputs.keras --out net --task regress --calibrate arrays.npz --verify arrays.npz
  edge-convert mobilenet_v3.keras --out net --input-shape 224,224,3 --calibrate photos/
  edge-convert zoo:mobilenet_v2 --out net --tflite float32
  edge-convert --check edgetpu net/model_int8.tflite

MODEL is a .keras file (Keras 2 or 3), an .h5 file, a SavedModel folder, a .tflite or .onnx file, zoo:NAME, or
package.module:function. It may have several inputs and outputs. Their meaning, the labels, mean and std come from the
options, else from the training record beside MODEL, else they are recognized. Each assumption is printed and kept in
the bundle.

DATA holds samples for the network. It can be:
  a folder or zip of pictures, in train/<class>/ and test/<class>/, with boxes (VOC), masks or keypoints (COCO)
  a folder of pictures without truths, for calibration
  a folder or zip of .wav files, or of clips
  sentences, for a network with vocabulary.txt beside MODEL
  an .npz file with an array for each input, and the truths in "labels" or in an array with the output's name
  the name of a drawn data set, see edge-train --help

With --verify the files are compared with MODEL by the measure of its task. If a file is over its budget, no bundle is
written and the exit code is 1.
"""

ACTIVATIONS = {"probabilities": "none", "logits": "softmax"}
"""What ``--output`` says in the task's terms."""

RECORD_OR = "(default: from the training record, or 127.5)"


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-convert",
        description="Convert a network to TFLite and ONNX, verify the files and bundle them.",
        epilog=EXAMPLES,
        formatter_class=_main.Formatter,
    )
    p.add_argument("model", metavar="MODEL", help="the network to convert, see below")
    p.add_argument(
        "--out",
        type=Path,
        metavar="BUNDLE",
        help="write the bundle here: a folder, or one file NAME.edge (needed, except with --check)",
    )
    p.add_argument(
        "--tflite",
        metavar="LIST",
        help="precisions of the TFLite files: float32, float16, dynamic, int8 "
        "(default: float32, and int8 where MODEL and --calibrate allow it)",
    )
    p.add_argument(
        "--onnx",
        metavar="LIST",
        help="precisions of the ONNX files: float32, int8 (default: as --tflite; none if only --tflite is given)",
    )
    p.add_argument("--name", help="name of the bundle (default: the network's name)")
    p.add_argument(
        "--labels", type=Path, metavar="FILE", help="class names, one on each line (default: labels.txt beside MODEL)"
    )
    p.add_argument("--signature", metavar="NAME", help="function of a SavedModel to convert (default: serving_default)")
    p.add_argument(
        "--input-shape",
        type=_shape,
        action="append",
        default=[],
        metavar="[NAME=]SIZES",
        help="sizes that MODEL leaves open, such as 224,224,3, or NAME=1,224,224,3 for one of several inputs; "
        "repeatable",
    )
    p.add_argument("--trust", action="store_true", help="allow MODEL to run code: Lambda layers and file operations")
    _add_meaning(p.add_argument_group("meaning of the outputs (default: from the training record, or recognized)"))
    _add_pixels(p.add_argument_group("pixels: input = (pixel - mean) / std, with pixels from 0 to 255"))
    _add_int8(p.add_argument_group("calibration of int8 files"))
    _add_gate(p.add_argument_group("verification of the files"))
    _placement.add_check(p.add_argument_group("placement report: where the operations of a model file run"))
    _main.add_json(p)
    return p


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
    group.add_argument("--seed", type=int, default=0, metavar="N", help="seed for choosing samples (default 0)")


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


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the name of an input, which may be empty, and its sizes."""
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


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    _placement.check_options(a)
    if a.check is None:
        _convert(a)
    else:
        _placement.run(a)


def _convert(a: argparse.Namespace) -> None:
    from edge.deploy import package
    from edge.deploy.conversion_options import Callbacks
    from edge.deploy.convert.source import check_kind

    check_kind(a.model)
    options = _options(a)
    _main.quiet_tensorflow()
    callbacks = Callbacks(report=lambda line: print(line, file=sys.stderr), progress=_main.progress)
    manifest = package.convert(options, callbacks)
    _main.write_json(a.json, {"bundle": str(a.out), "manifest": _as_json(manifest)})
    _show(manifest, a.out)


def _as_json(manifest: "Manifest") -> Any:
    """Return the JSON object of the manifest as the bundle holds it, with the digest of its labels file."""
    written = "".join(f"{label}\n" for label in manifest.labels).encode()
    return manifest.as_json(hashlib.sha256(written).hexdigest())


def _options(a: argparse.Namespace) -> "ConversionOptions":
    """Return the conversion's options. An invalid budget raises InputError here, before any work is done."""
    from edge.cli._data import data_path
    from edge.deploy.conversion_options import Calibration, ConversionOptions
    from edge.deploy.parity import Gate
    from edge.deploy.signature import Pixels

    budgets = (a.min_agreement, a.min_onnx_agreement, a.max_drop)
    gate = Gate(data_path(a.verify or ""), a.verify_samples, a.seed, *budgets)
    return ConversionOptions(
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
        shapes=dict(a.input_shape),
        trust=a.trust,
    )


def _parameters(a: argparse.Namespace) -> Mapping[str, Any]:
    activation = {} if a.output is None else {"activation": ACTIVATIONS[a.output]}
    return {**activation, **dict(a.parameter)}


def _precisions(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))


def _show(manifest: "Manifest", out: Path) -> None:
    """Print one line for each file with its size and its last comparison, and a line for the bundle."""
    parity = {row["candidate"]: row for row in manifest.measured["parity"]}
    for artifact in manifest.artifacts:
        line = f"{artifact.file:24} {artifact.bytes / 1024:8.0f} KiB"
        if artifact.file in parity:
            line += f"  {_compared(parity[artifact.file])}"
        print(line)
    verbs = {"keypoints": "find keypoints", "image": "make an image", "raw": "give raw outputs"}
    name, decoder = manifest.signature.task.name, manifest.signature.task.decoder
    print(f"bundle {manifest.name!r} in {out}, to {' by '.join(filter(None, (verbs.get(name, name), decoder)))}")


def _compared(row: Mapping[str, Any]) -> str:
    """Return the agreement by the task's measure, and the file's quality with the reference's in brackets."""
    digits, unit = (2, row["unit"]) if row["unit"] in ("%", "dB") else (4, row["unit"])
    value = "equal" if row["agreement"] is None else f"{row['agreement']:.{digits}f} {unit}".strip()
    line = f"{row['measure']} {value} with {row['reference']} on {row['samples']}"
    if row["quality"] is not None:
        line += f", {row['quality_name']} {row['quality']:.2f} ({row['reference_quality']:.2f})"
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-convert`` and return the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
