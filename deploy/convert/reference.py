"""What converted files are compared with: the model itself, run on many samples.

A reference takes arrays by input name, real values with the samples in front, and returns arrays by output name, real
values, with the samples in front of what the output has for one: (n, classes) for (1, classes), (n, 3) for (3,).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backends import open_model
from edge.deploy._tensorflow import need
from edge.errors import InputError
from edge.tensors import TensorSpec, dequantize, quantize

Arrays = dict[str, NDArray[Any]]
Reference = Callable[[Mapping[str, NDArray[Any]]], Arrays]

LARGEST_BATCH = 256


class OfFunction:
    """A TensorFlow function, which takes a batch where it can and one sample after the other where it cannot."""

    def __init__(self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]], batch: int | None = None) -> None:
        """call: takes and gives tensors by name. batch: the only size that it takes, None for any."""
        # Keras converts the layers that need it; the call itself has no control flow for autograph to look for.
        function = need("tensorflow").function
        self._call = function(lambda tensors: call(tensors), autograph=False, reduce_retracing=batch is None)
        self._batch = batch

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """See the top of this file."""
        count, size = len(next(iter(inputs.values()))), self._batch or LARGEST_BATCH
        parts = [self._part({k: v[at : at + size] for k, v in inputs.items()}) for at in range(0, count, size)]
        return _joined(parts)

    def _part(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        count = len(next(iter(inputs.values())))
        if self._batch:
            inputs = {name: _padded(array, self._batch) for name, array in inputs.items()}
        found = self._run(inputs)
        size = self._batch or count
        if all(array.shape[:1] == (size,) for array in found.values()):
            return {name: array[:count] for name, array in found.items()}
        return _stacked([self._run({k: v[i : i + 1] for k, v in inputs.items()}) for i in range(count)])

    def _run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        try:
            made = self._call(dict(inputs))
        except need("tensorflow").errors.InvalidArgumentError as error:
            # What comes from the operations of a graph, such as a token beyond the vocabulary.
            reason = str(error.message).strip().splitlines()[0]
            raise InputError(f"the network refuses a sample, its numbers or shape do not fit: {reason}") from error
        return {name: np.asarray(value) for name, value in made.items()}


class OfFile:
    """A .tflite or .onnx file in its runtime, opened once."""

    def __init__(self, path: Path) -> None:
        self._model = open_model(path)
        self.inputs: Sequence[TensorSpec] = self._model.inputs
        self.outputs: Sequence[TensorSpec] = self._model.outputs

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """See the top of this file; real values are quantized at the file's border."""
        count = len(next(iter(inputs.values())))
        return _stacked([self._row({name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)])

    def _row(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        arrays = [np.ascontiguousarray(quantize(inputs[spec.name], spec)) for spec in self.inputs]
        made = self._model.run(arrays)
        return {spec.name: _real(array, spec) for spec, array in zip(self.outputs, made, strict=True)}


def _real(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return real values; integers that stand for nothing else, such as class numbers, stay integers."""
    return array if spec.quantization is None else dequantize(array, spec)


def _padded(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return ``size`` samples, the last one again and again where there are fewer."""
    return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])


def _stacked(rows: Sequence[Arrays]) -> Arrays:
    """Return the outputs of single samples with the samples in front: those that have a batch of 1 lose it."""
    found = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return {name: array[:, 0] if array.shape[1:2] == (1,) else array for name, array in found.items()}


def _joined(parts: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sample(outputs: Mapping[str, NDArray[Any]], specs: Sequence[TensorSpec], position: int) -> Arrays:
    """Return the outputs of one sample, each in the shape of its spec."""
    return {spec.name: outputs[spec.name][position].reshape(spec.shape) for spec in specs}
