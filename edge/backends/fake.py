"""A backend without a network, for tests and to try a pipeline on any machine.

It opens a small JSON file whose name ends in ``.fake``::

    {"inputs":  [{"name": "image", "shape": [1, 8, 8, 3], "dtype": "uint8"}],
     "outputs": [{"name": "bands", "shape": [1, 4], "dtype": "float32"}],
     "delay_ms": 0}

A quantized tensor has ``"quantization": [scale, zero_point]`` as well. An output of n elements holds n means: the real
values of the first input are cut into n equal runs, in memory order, and each element is the mean of a run. For an
image these are the brightnesses of horizontal bands, so the strongest class of the example says which quarter of the
picture is brightest. ``delay_ms`` (optional) is how long a run takes, to imitate a slow network.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edge
from edge.backends import _opening
from edge.backends.base import DEFAULT, Backend, Model, OpenOptions
from edge.errors import InputError
from edge.tensors import Array, Quantization, TensorSpec, dequantize, quantize

_DTYPES = ("float32", "uint8", "int8", "int16")


class Fake(Backend):
    """It opens ``.fake`` descriptions, needs no other package, and computes the same on every machine."""

    name = "fake"
    formats = (".fake",)

    def open(self, path: Path, options: OpenOptions = DEFAULT) -> Model:
        """See Backend. The options have no effect."""
        _opening.readable(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            inputs = tuple(_spec(row) for row in content["inputs"])
            outputs = tuple(_spec(row) for row in content["outputs"])
            delay = float(content.get("delay_ms", 0)) / 1000
            _check(inputs, outputs, delay)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
            reason = f"{type(error).__name__} {error}"[:200]
            raise InputError(f"model {path} is not a .fake description: {reason}; see edge.backends.fake") from error
        return FakeModel(inputs, outputs, delay)

    def version(self) -> str:
        """See Backend."""
        return f"edgekit {edge.__version__}"


class FakeModel(Model):
    """It computes means of bands, see the top of this file."""

    def __init__(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], delay: float = 0.0) -> None:
        """Store the tensors, and the least time in seconds that a run takes."""
        self.inputs = inputs
        self.outputs = outputs
        self._delay = delay
        self._closed = False

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """See Model."""
        if self._closed:
            raise _opening.closed()
        _opening.check_inputs(self.inputs, arrays)
        if self._delay:
            time.sleep(self._delay)
        real = dequantize(arrays[0], self.inputs[0]).astype(np.float64).ravel()
        return [quantize(_band_means(real, spec), spec) for spec in self.outputs]

    def close(self) -> None:
        """See Model."""
        self._closed = True


def _band_means(real: Array, spec: TensorSpec) -> Array:
    """Return the means of runs of the flat values, in the shape of ``spec``, float64."""
    count = int(np.prod(spec.shape))
    starts = np.arange(count) * real.size // count
    ends = np.append(starts[1:], real.size)
    means: Array = (np.add.reduceat(real, starts) / (ends - starts)).reshape(spec.shape)
    return means


def _spec(row: dict[str, Any]) -> TensorSpec:
    if row["dtype"] not in _DTYPES:
        raise InputError(f"dtype must be one of {', '.join(_DTYPES)}, got {row['dtype']!r}")
    shape = tuple(int(size) for size in row["shape"])
    if not shape or min(shape) < 1:
        raise InputError(f"shape must be sizes of at least 1, got {row['shape']}")
    return TensorSpec(str(row["name"]), shape, np.dtype(row["dtype"]), _quantization(row.get("quantization")))


def _quantization(pair: Any) -> Quantization | None:
    if pair is None:
        return None
    scale, zero_point = pair
    if not 0 < float(scale) < float("inf"):
        raise InputError(f"scale must be positive, got {scale}")
    return Quantization(float(scale), int(zero_point))


def _check(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], delay: float) -> None:
    if not inputs or not outputs:
        raise InputError("it must have at least one input and one output")
    if not 0 <= delay <= 60:
        raise InputError(f"delay_ms must be 0 to 60000, got {delay * 1000}")
    for spec in outputs:
        if np.prod(spec.shape) > np.prod(inputs[0].shape):
            raise InputError(f"output {spec.name!r} must not have more elements than the first input")
