"""``as_tflite`` makes a float ``.tflite`` file of an ``.onnx`` file by onnx2tf, and checks that both compute the same.

onnx2tf pins packages that this project does not, so that it is installed in an environment of its own and run as a
program. It turns the layout of pictures from NCHW to NHWC, as TFLite's kernels want it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.deploy.conversion.reference import Arrays, FileReference, Reference
from edge.deploy.conversion.source import SourceModel
from edge.deploy.conversion.tflite_object import TFLiteObject
from edge.errors import InputError
from edge.private_folders import PrivateFolder
from edge.tensors import TensorSpec

PROGRAM = "onnx2tf"
VARIABLE = "EDGE_ONNX2TF"
"""The environment variable with the program's path, where the program is not on PATH."""

INSTALL = (
    f"install {PROGRAM} in an environment of its own (python3 -m venv onnx2tf; onnx2tf/bin/pip install onnx2tf) and "
    f"set {VARIABLE} to onnx2tf/bin/onnx2tf, or convert the model that the .onnx file was made from"
)

LONGEST_S = 3600
LEAST_SNR = 60.0
"""The least signal-to-noise ratio of each output against the .onnx file, in dB. Float rounding leaves 100 and more."""

PICTURES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""The file that onnx2tf tests a network of pictures on. It would download one if there were none in its folder."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CAUSE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b|^ERROR")


def program() -> str | None:
    """Return the path of the program, or None where it is not installed."""
    return shutil.which(os.environ.get(VARIABLE) or PROGRAM)


def check_installed(name: str) -> str:
    """Return the path of the program. Raises InputError for an .onnx file of a name where it is not installed."""
    found = program()
    if found is None:
        raise InputError(f"{name} becomes no .tflite file without {PROGRAM}: {INSTALL}")
    return found


def as_tflite(source: SourceModel, report: Callable[[str], None]) -> SourceModel:
    """Return the source of a float .tflite file that computes what an .onnx file does.

    Args:
        source: the source of a float .onnx file with fixed sizes.
        report: takes one line for the user.

    Returns:
        The source, whose inputs and outputs have the names of the .onnx file. Its reference runs the .onnx file.

    Raises:
        InputError: onnx2tf is not installed or fails, or its file computes something else.
    """
    onnx = source.file
    assert onnx is not None, "an .onnx file has a path"
    found = check_installed(onnx.name)
    if source.precision not in ("float32", "float16"):
        raise InputError(f"{PROGRAM} takes float files, and {onnx.name} is {source.precision}")
    report(f"converting {onnx.name} with {PROGRAM}, which takes minutes")
    folder = PrivateFolder("onnx2tf")
    made = _run(found, onnx, folder.path, [spec.name for spec in source.inputs if _is_nhwc(spec)])
    border = _compared(source, made)
    report(f"{PROGRAM}'s file computes what {onnx.name} does: {border.snr:.0f} dB")
    path = folder.path / f"{source.name}.tflite"
    path.write_bytes(_renamed(made.read_bytes(), border))
    reference = FileReference(path)
    return replace(
        source,
        inputs=tuple(reference.inputs),
        outputs=tuple(reference.outputs),
        reference=_InOtherLayout(source, border),
        file=path,
        temporary=(folder, source.temporary),
    )


def _is_nhwc(spec: TensorSpec) -> bool:
    """Return whether an input takes pictures in TFLite's layout already, as in files that were made from Keras."""
    return len(spec.shape) == 4 and spec.shape[3] in (1, 3) and spec.shape[1] not in (1, 3)


def _run(found: str, onnx: Path, folder: Path, kept: Sequence[str]) -> Path:
    """Return the float32 file that the program writes. Inputs of the names ``kept`` keep their layout."""
    rng = np.random.default_rng(0)
    np.save(folder / PICTURES, rng.random((20, 128, 128, 3), np.float32))
    shutil.copyfile(onnx, folder / "net.onnx")
    command = [found, "-i", "net.onnx", "-o", "out", "--non_verbose"]
    command += ["--keep_shape_absolutely_input_names", *kept] if kept else []
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{PROGRAM} cannot convert {onnx.name}: {error}") from error
    path = folder / "out" / "net_float32.tflite"
    if done.returncode or not path.is_file():
        raise InputError(f"{PROGRAM} cannot convert {onnx.name}: {_cause(done.stdout + done.stderr)}")
    return path


def _cause(text: str) -> str:
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    named = [line for line in lines if _CAUSE.match(line)]
    return (named or lines or ["it does not say why"])[-1][:200]


Permutation = tuple[int, ...]
"""The axes of an ONNX tensor in the order of the TFLite tensor. The first one, the batch, stays."""


@dataclass(frozen=True)
class _Border:
    """How the tensors of the two files belong together.

    Attributes:
        inputs: for each input of the TFLite file, the ONNX input's name and the permutation.
        outputs: for each output of the TFLite file, the same.
        snr: the least signal-to-noise ratio of an output, in dB.
    """

    inputs: tuple[tuple[str, Permutation], ...]
    outputs: tuple[tuple[str, Permutation], ...]
    snr: float


def _compared(source: SourceModel, made: Path) -> _Border:
    """Run both files on the same inputs and return which tensors belong together.

    Raises InputError when an output differs, or when there is no tensor of its shape.
    """
    reference = FileReference(made)
    best: _Border | None = None
    given = _drawn(source.inputs)
    expected = _rows(source.reference(given), source.outputs)
    for inputs in _pairings(source.inputs, reference.inputs):
        moved = {
            spec.name: given[name].transpose(axes).astype(spec.dtype)
            for spec, (name, axes) in zip(reference.inputs, inputs, strict=True)
        }
        found = _rows(reference(moved), reference.outputs)
        outputs, snr = _matched(expected, [found[spec.name] for spec in reference.outputs])
        if best is None or snr > best.snr:
            best = _Border(inputs, outputs, snr)
    if best is None or len(source.outputs) != len(best.outputs) or not best.snr >= LEAST_SNR:
        detail = "its inputs or outputs have other shapes" if best is None else f"they agree to {best.snr:.0f} dB"
        raise InputError(
            f"{PROGRAM}'s file does not compute what {source.file and source.file.name} does: {detail}, at least "
            f"{LEAST_SNR:.0f} dB are expected; keep the .onnx file (--onnx), or convert the model that it was made from"
        )
    return best


def _drawn(specs: Sequence[TensorSpec]) -> dict[str, NDArray[Any]]:
    """Return noise for each input: from 0 to 1, pixels of 8 bits, or 0 and 1 for other integers, often indices."""
    rng = np.random.default_rng(0)
    found = {}
    for spec in specs:
        if spec.dtype.kind == "f":
            drawn: NDArray[Any] = rng.random(spec.shape)
        elif spec.dtype.kind in "iu" and spec.dtype.itemsize == 1:
            limits = np.iinfo(spec.dtype)
            drawn = rng.integers(limits.min, limits.max, spec.shape, endpoint=True)
        else:
            drawn = rng.integers(0, 2, spec.shape)
        found[spec.name] = drawn.astype(spec.dtype)
    return found


def _rows(outputs: Arrays, specs: Sequence[TensorSpec]) -> Arrays:
    return {spec.name: outputs[spec.name][0].reshape(spec.shape) for spec in specs}


def _pairings(
    onnx: Sequence[TensorSpec], tflite: Sequence[TensorSpec]
) -> Iterator[tuple[tuple[str, Permutation], ...]]:
    """Yield the ways to give the inputs of the .onnx file to the .tflite file: by name, else by order."""
    if len(onnx) != len(tflite):
        return
    plain = {spec.name: spec for spec in onnx}
    names = [spec.name.removeprefix("serving_default_").removesuffix(":0") for spec in tflite]
    chosen = [plain[name] for name in names] if set(names) == set(plain) else list(onnx)
    for axes in product(*(_orders(a.shape, b.shape) for a, b in zip(chosen, tflite, strict=True))):
        yield tuple((spec.name, order) for spec, order in zip(chosen, axes, strict=True))


def _orders(before: tuple[int, ...], after: tuple[int, ...]) -> list[Permutation]:
    """Return the permutations of axes that turn one shape into the other. The first axis stays."""
    if len(before) != len(after) or not before:
        return [()] if before == after else []
    every = ((0, *rest) for rest in permutations(range(1, len(before))))
    return [axes for axes in every if tuple(before[axis] for axis in axes) == after]


def _matched(
    expected: Mapping[str, NDArray[Any]], found: Sequence[NDArray[Any]]
) -> tuple[tuple[tuple[str, Permutation], ...], float]:
    """Return the output of the .onnx file that each output of the .tflite file equals most, and the least ratio."""
    left, pairs, least = dict(expected), [], np.inf
    for array in found:
        rows = [
            (_snr(wanted.transpose(axes), array), name, axes)
            for name, wanted in left.items()
            for axes in _orders(wanted.shape, array.shape)
        ]
        if not rows:
            return (), -np.inf
        snr, name, axes = max(rows, key=lambda row: row[0])
        pairs.append((name, axes))
        least = min(least, snr)
        del left[name]
    return tuple(pairs), float(least)


def _snr(wanted: NDArray[Any], found: NDArray[Any]) -> float:
    """Return the signal-to-noise ratio in dB; for equal arrays that of 32-bit floats."""
    signal, noise = np.square(wanted, dtype=np.float64).sum(), np.square(wanted - found, dtype=np.float64).sum()
    if not np.isfinite(noise):
        return -np.inf
    return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-15 * signal, 1e-30)))


def _renamed(content: bytes, border: _Border) -> bytes:
    file = TFLiteObject(content)
    for indices, pairs in ((file.inputs(), border.inputs), (file.outputs(), border.outputs)):
        for index, (name, _) in zip(indices, pairs, strict=True):
            file.rename(index, name)
    file.set_border(file.inputs(), file.outputs())
    return file.to_bytes()


class _InOtherLayout:
    """Runs the .onnx file with inputs and outputs in the layout of the .tflite file."""

    def __init__(self, source: SourceModel, border: _Border) -> None:
        self._reference: Reference = source.reference
        self._inputs = {spec.name: spec for spec in source.inputs}
        self._outputs = {spec.name: spec for spec in source.outputs}
        self._border = border

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        back = {name: np.argsort(axes) for name, axes in self._border.inputs}
        given = {
            name: np.ascontiguousarray(inputs[name].transpose(axes)).astype(self._inputs[name].dtype)
            for name, axes in back.items()
        }
        found = self._reference(given)
        return {name: self._moved(found[name], name, axes) for name, axes in self._border.outputs}

    def _moved(self, array: NDArray[Any], name: str, axes: Permutation) -> NDArray[Any]:
        shape = self._outputs[name].shape
        if shape[:1] != (1,):  # there is no batch axis, and the first axis holds the samples
            return array
        return array.reshape(len(array), *shape[1:]).transpose(axes)
