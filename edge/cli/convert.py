"""``edge-convert`` converts a network to a verified bundle of TFLite and ONNX files."""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli import _convert_options, _main, _placement, _recipe, _signals
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.deploy.explain import Explanation
    from edge.manifest import Manifest

EXAMPLES = """\
examples:
  edge-convert run/model.keras --out net.edge --calibrate photos.zip --verify photos.zip
  edge-convert qat/model.h5 --out net --onnx int8 --verify photos.zip --max-drop 0.5 --min-agreement 99
  edge-convert resnet.h5 --out net --mean 0 --std 1 --labels labels.txt --calibrate photos/
  edge-convert yolo.keras --out net --task detect --decoder yolov8 --mean 0 --std 255 --calibrate voc/ --verify voc/
  edge-convert two_inputs.keras --out net --task regress --calibrate arrays.npz --verify arrays.npz
  edge-convert mobilenet_v3.keras --out net --input-shape 224,224,3 --calibrate photos/
  edge-convert run/model.keras --out net --target coral-usb --calibrate photos.zip --verify photos.zip
  edge-convert zoo:mobilenet_v2 --out net --tflite float32
  edge-convert run/model.keras --out net --calibrate photos.zip --verify photos.zip --explain --report report
  edge-convert --check edgetpu net/model_int8.tflite

MODEL is a .keras file (Keras 2 or 3), an .h5 file, a SavedModel folder, a frozen graph (.pb), a .tflite or .onnx file,
zoo:NAME, or package.module:function. It may have several inputs and outputs. Their meaning, the labels, mean and std
come from the options, else from the training record beside MODEL, else they are recognized. Each assumption is printed
and kept in the bundle.

DATA holds samples for the network. It can be:
  a folder or zip of pictures, in train/<class>/ and test/<class>/, with boxes (VOC), masks or keypoints (COCO)
  a folder of pictures without truths, for calibration
  a folder or zip of .wav files, or of clips
  sentences, for a network with vocabulary.txt beside MODEL
  an .npz file with an array for each input, and the truths in "labels" or in an array with the output's name
  an .npy file with the array of the only input
  the name of a drawn data set, see edge-train --help

With --verify the files are compared with MODEL by the measure of its task. If a file is over its budget, no bundle is
written and the exit code is 1.
"""


TARGETS = ("pi-zero2", "pi3", "pi4", "pi5", "coral-usb", "coral-dev", "phone", "x86")
"""The names in ``edge.deploy.targets``, which ``--help`` does not import."""


def parser() -> argparse.ArgumentParser:
    """Return the command's parser; it imports nothing heavy."""
    p = argparse.ArgumentParser(
        "edge-convert",
        description="Convert a network to TFLite and ONNX, verify the files and bundle them.",
        epilog=EXAMPLES,
        formatter_class=_main.Formatter,
    )
    p.add_argument("model", metavar="MODEL", nargs="?", help="the network to convert, see below")
    p.add_argument(
        "--out",
        type=Path,
        metavar="BUNDLE",
        help="write the bundle here: a folder, or one file NAME.edge (needed, except with --check)",
    )
    p.add_argument(
        "--tflite",
        metavar="LIST",
        help="precisions of the TFLite files: float32, float16, dynamic, int8, int16x8 "
        "(default: float32, and int8 where MODEL and --calibrate allow it)",
    )
    p.add_argument(
        "--onnx",
        metavar="LIST",
        help="precisions of the ONNX files: float32, float16, int8 (default: as --tflite; none if only --tflite is "
        "given)",
    )
    p.add_argument("--opset", type=int, metavar="N", help="version of ONNX's operations, 13 to 18 (default 17)")
    p.add_argument(
        "--target",
        choices=TARGETS,
        metavar="DEVICE",
        help=f"make the files that a device runs best: {', '.join(TARGETS)}",
    )
    p.add_argument("--name", help="name of the bundle (default: the network's name, or that of its file)")
    p.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="class names, one on each line (default: NAME_labels.txt or labels.txt beside MODEL, or the class folders "
        "of --verify or --calibrate)",
    )
    _add_border(p)
    _recipe.add(p)
    p.add_argument("--trust", action="store_true", help="allow MODEL to run code: Lambda layers and file operations")
    _convert_options.add_groups(p)
    _placement.add_check(p.add_argument_group("placement report: where the operations of a model file run"))
    _main.add_json(p)
    return p


def _add_border(p: argparse.ArgumentParser) -> None:
    """Add the options that say which inputs and outputs the network has."""
    p.add_argument(
        "--inputs",
        metavar="LIST",
        help="inputs of a frozen graph: operations, or tensors as split:1 (default: its placeholders)",
    )
    p.add_argument(
        "--outputs", metavar="LIST", help="outputs of a frozen graph, likewise (default: what nothing reads)"
    )
    p.add_argument("--signature", metavar="NAME", help="function of a SavedModel to convert (default: serving_default)")
    p.add_argument(
        "--input-shape",
        type=_convert_options.shape,
        action="append",
        default=[],
        metavar="[NAME=]SIZES",
        help="sizes that MODEL leaves open, such as 224,224,3, or NAME=1,224,224,3 for one of several inputs; "
        "repeatable",
    )


def body(a: argparse.Namespace) -> None:
    """Run the command."""
    a = _recipe.with_recipe(parser(), a) if a.recipe else a
    if a.model is None:
        raise InputError("MODEL is missing: the network to convert, or --recipe BUNDLE")
    _placement.check_options(a)
    if a.check is None:
        with _signals.terminating():
            _convert(a)
    else:
        _placement.run(a)


def _convert(a: argparse.Namespace) -> None:
    from edge.deploy import early_checks, package
    from edge.deploy.conversion_options import Callbacks
    from edge.errors import GateFailed

    options = _convert_options.conversion_options(a)
    early_checks.check(a.model, options)
    before = _recipe.digests(a.recipe) if a.recipe else {}
    _main.quiet_tensorflow()
    explained: list[Explanation] = []
    callbacks = Callbacks(lambda line: print(line, file=sys.stderr), _main.progress, explained.append)
    try:
        manifest = package.convert(a.model, options, callbacks)
    except GateFailed as failed:
        if explained:
            _main.write_json(a.json, {"bundle": None, "failed": str(failed), **_explanation(explained)})
            _explain(a, explained)
        raise
    _main.write_json(a.json, {"bundle": str(a.out), "manifest": _as_json(manifest), **_explanation(explained)})
    _show(manifest, a.out)
    if a.recipe:
        print(_recipe.compared(a.recipe, before, manifest))
    _explain(a, explained)


def _explanation(explained: "Sequence[Explanation]") -> dict[str, Any]:
    return {"explanation": explained[0].as_json()} if explained else {}


def _explain(a: argparse.Namespace, explained: "Sequence[Explanation]") -> None:
    """Print the explanation, and draw its plot into the report's folder or beside the bundle."""
    if not explained:
        return
    from edge.deploy.explain import plot

    path = a.report / "layers.png" if a.report else a.out.with_name(f"{a.out.stem}-layers.png")
    plot.write(explained[0], path)
    for line in explained[0].text():
        print(line)
    print(f"plot of all layers in {path}")


def _as_json(manifest: "Manifest") -> Any:
    """Return the JSON object of the manifest as the bundle holds it, with the digest of its labels file."""
    written = "".join(f"{label}\n" for label in manifest.labels).encode()
    return manifest.as_json(hashlib.sha256(written).hexdigest())


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


BOXES = "boxes compared"
"""The detail of a comparison of detectors without which its agreement says little."""


def _compared(row: Mapping[str, Any]) -> str:
    """Return the agreement by the task's measure, and the file's quality with the reference's in brackets."""
    digits, unit = (2, row["unit"]) if row["unit"] in ("%", "dB") else (4, row["unit"])
    value = "equal" if row["agreement"] is None else f"{row['agreement']:.{digits}f} {unit}".strip()
    line = f"{row['measure']} {value} with {row['reference']} on {row['samples']}"
    if row["details"].get(BOXES) == 0:
        line += " without any box, which proves nothing"
    if row["quality"] is not None:
        line += f", {row['quality_name']} {row['quality']:.2f} ({row['reference_quality']:.2f})"
    return line


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``edge-convert`` and return the exit code."""
    command = parser()
    command.set_defaults(argv=tuple(sys.argv[1:] if argv is None else argv))
    return _main.run(command, body, argv)


if __name__ == "__main__":
    sys.exit(main())
