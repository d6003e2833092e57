"""The golden input of an artifact: what it gave for a known input where it was made, to be compared where it runs.

Other processors round a step differently, so each output has a tolerance in its own unit. ``make`` writes the files
when a bundle is made; ``check`` runs the network on the same input and compares.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import FileError, GateFailed, InputError
from edge.manifest import Golden, StoredFile
from edge.session import Session
from edge.signature import Signature
from edge.tensors import Array, Tensor

INPUTS = "golden-inputs.npz"

STEPS = 8
"""Quantization steps that another processor may be off by: ONNX Runtime's tables were up to nine off TFLite's kernels
on EfficientNetB0, one on other networks; an x86 and an ARM kernel differ by one or two."""

RELATIVE = 1e-3
"""Share of an output's largest value that float kernels with other orders of summation may be off by."""


def inputs_for(signature: Signature, seed: int = 0) -> dict[str, Array]:
    """Return a drawn input for each of the signature's: smooth colours for images, noise for other numbers.

    Args:
        signature: of the network.
        seed: another seed gives other inputs.

    Returns:
        By name: (height, width, 3) uint8 BGR at the input's size for an image, (frames, height, width, 3) for a clip,
        -1 to 1 for other floats, zeros for integers, which may be indices into a table.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, Array] = {}
    for entry in signature.inputs:
        if entry.format is not None:
            frames = [_smooth(rng, entry.size) for _ in range(entry.shape[1] if len(entry.shape) == 5 else 1)]
            found[entry.name] = np.stack(frames) if len(entry.shape) == 5 else frames[0]
        elif np.dtype(entry.dtype).kind == "f":
            found[entry.name] = rng.uniform(-1, 1, entry.shape).astype(np.float32)
        else:
            found[entry.name] = np.zeros(entry.shape, entry.dtype)
    return found


def _smooth(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Return (height, width, 3) uint8 with a few colours that run into each other in steps: small when it is packed."""
    smooth = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth // 16 * 17, np.uint8)


def make(session: Session, folder: Path, stem: str, seed: int = 0) -> tuple[Golden, dict[str, Path]]:
    """Run a network on drawn inputs and write both.

    Args:
        session: the network, as the loop will run it.
        folder: where the two files go.
        stem: the beginning of the outputs' name; the inputs are the same for all artifacts of a bundle.
        seed: see ``inputs_for``.

    Returns:
        The manifest's entry, and the place of each of its files by name.
    """
    inputs = inputs_for(session.signature, seed)
    outputs = run(session, inputs)
    given = {name: tensor.raw for name, tensor in outputs.items()}
    sources = {}
    for name, arrays in ((INPUTS, inputs), (f"{stem}.golden.npz", given)):
        _write(folder / name, arrays)
        sources[name] = folder / name
    given_file, found_file = (StoredFile(name) for name in sources)
    return Golden(given_file, found_file, {name: _tolerance(tensor) for name, tensor in outputs.items()}), sources


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write an .npz with fixed times, so that the same arrays give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def _tolerance(tensor: Tensor) -> float:
    """Return the largest difference that another processor may show, in real units."""
    if tensor.spec.quantization is not None:
        return STEPS * tensor.spec.quantization.scale
    largest = float(np.abs(tensor.real).max(initial=0.0))
    return RELATIVE * max(largest, 1e-3) if np.isfinite(largest) else 0.0


def run(session: Session, inputs: Mapping[str, Array]) -> Mapping[str, Tensor]:
    """Run a network on golden inputs: pictures go through its preprocessing, other numbers are real values."""
    return session.run(session.pictures(inputs, "BGR"))


def check(session: Session) -> dict[str, float]:
    """Run a bundle's network on its golden input and compare.

    Returns:
        The largest difference of each output, in real units.

    Raises:
        GateFailed: an output differs by more than its tolerance.
        InputError: the bundle has no golden input, as those of schema 1.
    """
    golden = session.golden
    if golden is None:
        raise InputError(f"{session.name} has no golden input to be checked with; convert the model again")
    entry, root = golden, session.path.parent
    expected = _read(root / entry.outputs.name)
    found = run(session, _read(root / entry.inputs.name))
    differences = {}
    for name, tensor in found.items():
        known = Tensor(expected[name], tensor.spec)
        difference = float(np.abs(tensor.real - known.real).max(initial=0.0))
        if not difference <= entry.tolerance[name]:
            raise GateFailed(
                f"{session.name} must give its golden output {name} within {entry.tolerance[name]:.4g} "
                f"on {session.backend}, it is {difference:.4g} off; do not use it here"
            )
        differences[name] = difference
    return differences


def _read(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise FileError(f"golden file {path.name} cannot be read: {error}; get the bundle again") from error
