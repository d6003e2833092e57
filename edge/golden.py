"""An artifact has a golden input, and the golden outputs that it returned where it was made.

``make`` writes both when a bundle is made. On a device, ``check`` runs the network on the golden input and compares its
outputs with the golden ones. Other processors round differently, so each output has a tolerance in its own unit.
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
"""The most quantization steps by which another processor may differ. The kernels of x86 and ARM differ by one or two.

On EfficientNetB0, ONNX Runtime differed from TFLite by up to nine steps; on other networks it was one."""

RELATIVE = 1e-3
"""The largest difference of float kernels, which sum in another order, as a share of an output's largest value."""


def inputs_for(signature: Signature, seed: int = 0) -> dict[str, Array]:
    """Return a random input for each input of a signature.

    Args:
        signature: the network's signature.
        seed: the seed of the random generator.

    Returns:
        The inputs by name. An image is (height, width, 3) uint8 BGR in the size of the input, a clip is (frames,
        height, width, 3) uint8 BGR. Other float inputs are noise from -1 to 1. Integer inputs are zero, because they
        may be indices into a table.
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
    """Return a picture (height, width, 3) uint8 of a few blended colours, in few levels so that it compresses well."""
    smooth = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth // 16 * 17, np.uint8)


def make(session: Session, folder: Path, stem: str, seed: int = 0) -> tuple[Golden, dict[str, Path]]:
    """Run a network on random inputs, and write the inputs and outputs.

    Args:
        session: the network, opened as on the device.
        folder: the folder of the two files.
        stem: the beginning of the name of the file with the outputs. The file with the inputs is the same for all
            artifacts of a bundle.
        seed: the seed of the inputs.

    Returns:
        The entry for the manifest, and the path of each file by its name.
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


def inputs(session: Session) -> dict[str, Any]:
    """Return the golden inputs of a session's bundle, for ``run``.

    Raises:
        InputError: the bundle has none, because it has schema 1.
        FileError: the file cannot be read.
    """
    return _read(session.path.parent / _entry(session).inputs.name)


def _entry(session: Session) -> Golden:
    if session.golden is None:
        raise InputError(f"{session.name} has no golden input to be checked with; convert the model again")
    return session.golden


def run(session: Session, inputs: Mapping[str, Array]) -> Mapping[str, Tensor]:
    """Run a network on golden inputs.

    Args:
        session: the network.
        inputs: the inputs by name: pictures and clips as pixels, which are preprocessed, others as real values.
    """
    return session.run(session.pictures(inputs, "BGR"))


def check(session: Session) -> dict[str, float]:
    """Run a bundle's network on its golden input and compare.

    Returns:
        The largest difference of each output, in real units.

    Raises:
        GateFailed: an output differs by more than its tolerance.
        InputError: the bundle has no golden input, because it has schema 1, or none for an output.
    """
    entry, root = _entry(session), session.path.parent
    expected = _read(root / entry.outputs.name)
    found = run(session, inputs(session))
    differences = {}
    for name, tensor in found.items():
        if name not in entry.tolerance or name not in expected or expected[name].shape != tensor.raw.shape:
            raise InputError(
                f"{session.name} must have a tolerance and a golden output {tensor.raw.shape} for {name}; "
                "convert the model again"
            )
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
