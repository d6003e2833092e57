"""``edge-convert --recipe BUNDLE`` makes the files of a bundle again, by the request that the bundle keeps."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import files
from edge.errors import InputError

if TYPE_CHECKING:
    from edge.manifest import Manifest

PLAIN = ("method", "io", "opset", "target", "task", "decoder", "name", "signature", "labels")
"""Options that the request holds under their own names."""

LISTS = ("tflite", "onnx", "inputs", "outputs", "float_layers")
"""Options that are typed as a list with commas."""


def add(p: argparse.ArgumentParser) -> None:
    """Add ``--recipe``."""
    p.add_argument(
        "--recipe",
        type=Path,
        metavar="BUNDLE",
        help="convert as BUNDLE was; options given here take the place of its own, and MODEL may be left out",
    )


def with_recipe(p: argparse.ArgumentParser, a: argparse.Namespace) -> argparse.Namespace:
    """Parse ``a.argv`` again, with the options of the bundle ``a.recipe`` as the defaults.

    Raises:
        FileError: the bundle cannot be read.
        InputError: the bundle keeps no request, as those of earlier versions, or MODEL is another model than its.
    """
    from edge.bundle import open_bundle

    manifest = open_bundle(a.recipe).manifest
    request = manifest.provenance.get("request")
    if not isinstance(request, Mapping):
        raise InputError(f"{a.recipe} does not keep how it was converted: it is of an earlier version")
    p.set_defaults(**arguments(request), argv=a.argv)
    found = p.parse_args(a.argv)
    found.model = found.model or request.get("model")
    _check_model(found, manifest)
    return found


def _check_model(a: argparse.Namespace, manifest: "Manifest") -> None:
    wanted = manifest.provenance["source"].get("sha256")
    if a.model and wanted and Path(a.model).is_file() and files.sha256(Path(a.model)) != wanted:
        raise InputError(f"{a.model} is not the model that {a.recipe} was made from: its digest is not {wanted[:12]}…")


def arguments(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parsed arguments of a request, by their names in the parser."""
    calibration, gate, pixels = (request.get(name) or {} for name in ("calibration", "gate", "pixels"))
    found = {name: request.get(name) for name in PLAIN}
    found |= {name: ",".join(request[name]) for name in LISTS if request.get(name)}
    found |= {name: tuple(value) if isinstance(value, list) else value for name, value in pixels.items()}
    found |= {"calibrate": calibration.get("data"), "verify": gate.get("data"), "verify_samples": gate.get("samples")}
    found |= {name: calibration[name] for name in ("samples",) if name in calibration}
    found |= {name: gate.get(name) for name in ("max_drop", "min_agreement", "min_onnx_agreement")}
    found |= {"seed": (calibration or gate).get("seed", 0), "input_kind": request.get("kind")}
    found["parameter"] = list(request.get("parameters", {}).items())
    found["input_shape"] = [(name, tuple(sizes)) for name, sizes in request.get("shapes", {}).items()]
    found["labels"] = Path(request["labels"]) if request.get("labels") else None
    return found


def digests(bundle: Path) -> dict[str, str]:
    """Return the SHA-256 digest of each model file of a bundle, by the file's name."""
    from edge.bundle import open_bundle

    return _digests(open_bundle(bundle).manifest)


def _digests(manifest: "Manifest") -> dict[str, str]:
    return {stored.name: stored.sha256 for artifact in manifest.artifacts for stored in artifact.files}


def compared(bundle: Path, before: Mapping[str, str], manifest: "Manifest") -> str:
    """Return the line that says which files are byte for byte those of the bundle.

    Args:
        bundle: the bundle of ``--recipe``.
        before: its digests.
        manifest: what was made now.
    """
    now = _digests(manifest)
    other = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return f"not as in {bundle}: {', '.join(other)}" if other else f"all files are byte for byte those of {bundle}"
