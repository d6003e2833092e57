"""``edge-convert``: from a Keras network to a verified bundle of TFLite and ONNX files."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _main

if TYPE_CHECKING:
    from edge.deploy.package import Conversion

EXAMPLES = """\
examples:
  edge-convert run/model.keras --out net.edge --calibrate photos.zip --verify photos.zip
  edge-convert qat/model.h5 --out net --onnx int8 --verify photos.zip --max-drop 0.5 --min-agreement 99
  edge-convert resnet.h5 --out net --mean 0 --std 1 --labels labels.txt --calibrate photos/
  edge-convert zoo:mobilenet_v2 --out net --tflite float32

MODEL: .keras (Keras 2 or 3), .h5, a SavedModel folder, .tflite, .onnx, zoo:NAME or package.module:function.
Labels, mean and std are taken from the training record beside MODEL where there is one.
With --verify the files are compared with MODEL on real images; over budget is exit code 1 and no bundle.
"""


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
    p.add_argument("--trust", action="store_true", help="allow Lambda layers and file operations in MODEL")
    pixels = p.add_argument_group("pixels: input = (pixel - mean) / std, pixel 0 to 255")
    pixels.add_argument(
        "--mean", type=_main.numbers, metavar="M[,M,M]", help="default: the training record's, or 127.5"
    )
    pixels.add_argument("--std", type=_main.numbers, metavar="S[,S,S]", help="default: the training record's, or 127.5")
    pixels.add_argument("--colour", choices=("RGB", "BGR", "GRAY"), help="order; default RGB, GRAY for 1 channel")
    pixels.add_argument(
        "--resize", choices=("stretch", "letterbox", "crop"), default="stretch", help="(default stretch)"
    )
    int8 = p.add_argument_group("int8")
    int8.add_argument("--calibrate", metavar="DIR|ZIP|NPZ|NAME", help="images whose ranges int8 is fitted to")
    int8.add_argument("--samples", type=int, default=200, metavar="N", help="how many of them (default 200)")
    int8.add_argument(
        "--method",
        choices=("mse", "minmax"),
        default="mse",
        help="how ranges are fitted: mse clips what costs less than it saves, minmax keeps all (default mse)",
    )
    int8.add_argument("--seed", type=int, default=0, help="of their choice (default 0)")
    gate = p.add_argument_group("gate")
    gate.add_argument("--verify", metavar="DIR|ZIP|NPZ|NAME", help="images to compare the files with MODEL on")
    gate.add_argument("--verify-samples", type=int, metavar="N", help="at most so many (default all)")
    gate.add_argument("--max-drop", type=float, default=0.5, metavar="POINTS", help="of int8 accuracy (default 0.5)")
    gate.add_argument("--min-agreement", type=float, default=98.0, metavar="PERCENT", help="of int8 (default 98)")
    gate.add_argument(
        "--min-onnx-agreement",
        type=float,
        default=99.5,
        metavar="PERCENT",
        help="of int8 ONNX with int8 TFLite (default 99.5)",
    )
    gate.add_argument("--output", choices=("probabilities", "logits"), help="what MODEL returns; default: found out")
    _main.add_json(p)
    return p


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    from edge.deploy import package

    _main.quiet_tensorflow()
    wanted = _wanted(a)
    listener = package.Listener(tell=lambda line: print(line, file=sys.stderr), progress=_main.progress)
    manifest = package.convert(wanted, listener).as_json()
    _main.write_json(a.json, {"bundle": str(a.out), "manifest": manifest})
    _show(manifest, a.out)


def _wanted(a: argparse.Namespace) -> "Conversion":
    """Return what the arguments ask for; InputError for what is no budget, before the work and not after it."""
    from edge.cli._data import data_path
    from edge.deploy.package import Calibration, Conversion, Pixels
    from edge.deploy.parity import Gate

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
        pixels=Pixels(a.mean, a.std, a.colour, a.resize),
        name=a.name,
        labels=a.labels,
        output=a.output,
        trust=a.trust,
    )


def _precisions(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))


def _show(manifest: dict[str, Any], out: Path) -> None:
    """Print the files and how they compare."""
    parity = {row["candidate"]: row for row in manifest["measured"]["parity"]}
    for artifact in manifest["artifacts"]:
        row = parity.get(artifact["file"])
        line = f"{artifact['file']:24} {artifact['bytes'] / 1024:8.0f} KiB"
        if row:
            line += f"  agrees with {row['reference']} on {row['agreement']:.2f} % of {row['samples']}"
            if row["accuracy"] is not None:
                line += f", accuracy {row['accuracy']:.2f} % ({row['reference_accuracy']:.2f} %)"
        print(line)
    print(f"bundle {manifest['name']!r} in {out}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return _main.run(parser(), body, argv)


if __name__ == "__main__":
    sys.exit(main())
